"""Time-stepped float32 networks with the timing that every backend shares.

In step n (t = n dt), batch elements being independent:

1. spikes emitted in step n - 1 - d, d the delay in steps, are added to the
   accumulator i of each synapse group;
2. Delta:        I += i ;    i = 0
   Exponential:  I += S i ;  i *= exp(-dt/tau) ;
                 S = (tau/dt) (1 - exp(-dt/tau)) if scale_i else 1
3. the neuron integrates I;
4. readouts look at V;
5. the threshold is tested;
6. neurons that spiked are reset.

A spike of step n therefore belongs to the time (n + 1) dt of a continuous model, and
so does V after step n. Coefficients are computed in float64 and rounded once to
float32; all state is float32.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "AdaptiveLeakyIntegrateFire",
    "Connection",
    "Delta",
    "Exponential",
    "Input",
    "IntegrateFire",
    "LeakyIntegrate",
    "LeakyIntegrateFire",
    "Population",
    "Result",
    "run",
]

Float = NDArray[np.float32]
Bool = NDArray[np.bool_]

_SILENT = np.finfo(np.float32).min


@dataclass(frozen=True, eq=False)
class _Coefficients:
    """Coefficients of one time step, each a number or one number per neuron.

    V = alpha V + gain I + bias ;  A = rho A ;  spike if V >= v_thresh + beta A
    """

    alpha: ArrayLike = 1.0
    gain: ArrayLike = 1.0
    bias: ArrayLike = 0.0
    v_thresh: ArrayLike = np.inf
    v_reset: ArrayLike = 0.0
    beta: ArrayLike = 0.0
    rho: ArrayLike = 1.0
    tau_refrac: ArrayLike | None = None
    relative_reset: bool = False
    integrate_during_refrac: bool = True


def _rounded(value: ArrayLike) -> Float:
    """Round to float32."""
    return np.asarray(value, dtype=np.float32)


def _steps(tau: ArrayLike, dt: float) -> NDArray[np.int64]:
    """Return the number of steps that a period lasts, rounded up."""
    return np.ceil(np.round(np.asarray(tau) / dt, 3)).astype(np.int64)


def _decay(dt: float, tau: ArrayLike) -> NDArray[np.float64]:
    """Return exp(-dt/tau) in float64."""
    return np.exp(-dt / np.asarray(tau, dtype=np.float64))


@dataclass(frozen=True)
class Input:
    """Input neurons: each emits its spikes in the steps of the data."""


@dataclass(frozen=True, eq=False)
class IntegrateFire:
    """V += I ; spike if V >= v_thresh ; V = v_reset."""

    v_thresh: ArrayLike = 1.0
    v_reset: ArrayLike = 0.0
    v: ArrayLike = 0.0

    def coefficients(self, dt: float) -> _Coefficients:
        """Return the coefficients of a step."""
        return _Coefficients(v_thresh=self.v_thresh, v_reset=self.v_reset)


@dataclass(frozen=True, eq=False)
class LeakyIntegrate:
    """V = a V + [(1 - a) if scale_i] I + bias, a = exp(-dt/tau_mem); silent."""

    v: ArrayLike = 0.0
    bias: ArrayLike = 0.0
    tau_mem: ArrayLike = 20.0
    scale_i: bool = False

    def coefficients(self, dt: float) -> _Coefficients:
        """Return the coefficients of a step."""
        alpha = _decay(dt, self.tau_mem)
        gain = 1.0 - alpha if self.scale_i else 1.0
        return _Coefficients(alpha, gain, self.bias)


@dataclass(frozen=True, eq=False)
class LeakyIntegrateFire:
    """V = a V + [(1 - a) if scale_i] I ; spike if V >= v_thresh, unless refractory.

    Reset: V -= v_thresh - v_reset (relative) or V = v_reset. With tau_refrac, each
    spike sets a counter to that many steps, rounded up; every later step first counts
    it down by 1 if it is above 0, and there is no spike while it stays above 0. Unless
    integrate_during_refrac, a step that counts down leaves V alone.
    """

    v_thresh: ArrayLike = 1.0
    v_reset: ArrayLike = 0.0
    v: ArrayLike = 0.0
    tau_mem: ArrayLike = 20.0
    tau_refrac: ArrayLike | None = None
    relative_reset: bool = True
    integrate_during_refrac: bool = True
    scale_i: bool = False

    def coefficients(self, dt: float) -> _Coefficients:
        """Return the coefficients of a step."""
        alpha = _decay(dt, self.tau_mem)
        return _Coefficients(
            alpha,
            1.0 - alpha if self.scale_i else 1.0,
            v_thresh=self.v_thresh,
            v_reset=self.v_reset,
            tau_refrac=self.tau_refrac,
            relative_reset=self.relative_reset,
            integrate_during_refrac=self.integrate_during_refrac,
        )


@dataclass(frozen=True, eq=False)
class AdaptiveLeakyIntegrateFire:
    """As LeakyIntegrateFire without scale_i, with an adaptive threshold.

    A = rho A in every step, rho = exp(-dt/tau_adapt) ; spike if
    V >= v_thresh + beta A, unless refractory ; a spike adds 1 to A. The relative
    reset subtracts v_thresh - v_reset, whatever A is.
    """

    v_thresh: ArrayLike = 1.0
    v_reset: ArrayLike = 0.0
    v: ArrayLike = 0.0
    a: ArrayLike = 0.0
    beta: ArrayLike = 0.0174
    tau_mem: ArrayLike = 20.0
    tau_refrac: ArrayLike | None = None
    tau_adapt: ArrayLike = 2000.0
    relative_reset: bool = True
    integrate_during_refrac: bool = True

    def coefficients(self, dt: float) -> _Coefficients:
        """Return the coefficients of a step."""
        return _Coefficients(
            _decay(dt, self.tau_mem),
            v_thresh=self.v_thresh,
            v_reset=self.v_reset,
            beta=self.beta,
            rho=_decay(dt, self.tau_adapt),
            tau_refrac=self.tau_refrac,
            relative_reset=self.relative_reset,
            integrate_during_refrac=self.integrate_during_refrac,
        )


SteppedNeuron = (
    IntegrateFire | LeakyIntegrate | LeakyIntegrateFire | AdaptiveLeakyIntegrateFire
)
Neuron = Input | SteppedNeuron


@dataclass(frozen=True)
class Delta:
    """I += i ; i = 0."""

    def coefficients(self, dt: float) -> tuple[Float, Float]:
        """Return S and what remains of i after a step."""
        return np.asarray(1.0, np.float32), np.asarray(0.0, np.float32)


@dataclass(frozen=True, eq=False)
class Exponential:
    """I += S i ; i *= exp(-dt/tau), tau a number or one for each target."""

    tau: ArrayLike = 5.0
    scale_i: bool = False

    def coefficients(self, dt: float) -> tuple[Float, Float]:
        """Return S and what remains of i after a step."""
        decay = _decay(dt, self.tau)
        mean = np.asarray(self.tau, dtype=np.float64) / dt * (1.0 - decay)
        scale = mean if self.scale_i else 1.0
        return np.asarray(scale, np.float32), np.asarray(decay, np.float32)


@dataclass(frozen=True, eq=False)
class Population:
    """``size`` neurons of one model."""

    size: int
    neuron: Neuron


@dataclass(frozen=True, eq=False)
class Connection:
    """All-to-all synapses between two populations, by name.

    Args:
        source: name of the population that sends.
        target: name of the population that receives.
        weight: shape (sources, targets).
        synapse: Delta or Exponential.
        delay: steps, an integer or integers of shape (sources, targets).
    """

    source: str
    target: str
    weight: ArrayLike
    synapse: Delta | Exponential = Delta()
    delay: ArrayLike = 0


@dataclass(frozen=True, eq=False)
class Result:
    """Everything that happened, by population name.

    ``spikes`` has every population, the others those that are not input. Shapes are
    (batch, T, neurons); readouts (batch, neurons).

    Attributes:
        spikes: who spiked in which step.
        v_before_reset: V after integration, what readouts and thresholds see.
        v_after_step: V at the end of the step, after any reset.
        threshold_distance: |V - V_th| before the reset, V_th with adaptation;
            infinite for neurons that never spike. Where it is of the order of the
            rounding error, another order of additions may give another spike.
        readouts: avg_var, avg_var_exp_weight, sum_var, max_var, var, spike_count and
            first_spike_time.
    """

    spikes: dict[str, Bool]
    v_before_reset: dict[str, Float]
    v_after_step: dict[str, Float]
    threshold_distance: dict[str, Float]
    readouts: dict[str, dict[str, NDArray[np.generic]]]


class _Synapses:
    """State of one connection: the accumulator i of each target."""

    def __init__(self, connection: Connection, batch: int, size: int, dt: float):
        self.source, self.target = connection.source, connection.target
        weight = np.asarray(connection.weight, dtype=np.float32)
        delay = np.broadcast_to(np.asarray(connection.delay, dtype=int), weight.shape)
        self.weights = {
            int(d): np.where(delay == d, weight, np.float32(0.0))
            for d in np.unique(delay)
        }
        self.scale, self.decay = connection.synapse.coefficients(dt)
        self.accumulator = np.zeros((batch, size), dtype=np.float32)

    def step(self, n: int, emitted: Bool) -> Float:
        """Take in what arrives in step n and return the current it makes."""
        for delay, weight in self.weights.items():
            if n - 1 - delay >= 0:
                arriving = emitted[:, n - 1 - delay].astype(np.float32)
                self.accumulator += arriving @ weight
        current = self.accumulator * self.scale
        self.accumulator *= self.decay
        return current


class _Neurons:
    """State of one population: V, adaptation A and remaining refractory steps."""

    def __init__(self, neuron: SteppedNeuron, batch: int, size: int, dt: float):
        k = neuron.coefficients(dt)
        self.alpha, self.gain, self.bias = map(_rounded, (k.alpha, k.gain, k.bias))
        self.v_thresh, self.v_reset = _rounded(k.v_thresh), _rounded(k.v_reset)
        self.beta, self.rho = _rounded(k.beta), _rounded(k.rho)
        self.refrac = _steps(0.0 if k.tau_refrac is None else k.tau_refrac, dt)
        self.relative_reset = k.relative_reset
        self.integrate_during_refrac = k.integrate_during_refrac
        self.silent = isinstance(neuron, LeakyIntegrate)
        zero = np.zeros((batch, size), dtype=np.float32)
        self.v = zero + _rounded(neuron.v)
        if isinstance(neuron, AdaptiveLeakyIntegrateFire):
            self.a = zero + _rounded(neuron.a)
        else:
            self.a = zero.copy()
        self.timer = zero.astype(np.int64)

    def integrate(self, current: Float) -> None:
        """Advance V, A and the refractory counter by a step."""
        refractory = self.timer > 0
        v = self.alpha * self.v + self.gain * current + self.bias
        frozen = refractory & (not self.integrate_during_refrac)
        self.v = np.where(frozen, self.v, v)
        self.timer = np.where(refractory, self.timer - 1, self.timer)
        self.a = self.rho * self.a

    def threshold(self) -> Float:
        """Return V_th, with adaptation."""
        return self.v_thresh + self.beta * self.a

    def spike(self) -> Bool:
        """Test the threshold and reset the neurons that spike."""
        spikes = (self.v >= self.threshold()) & (self.timer <= 0)
        lowered = self.v - (self.v_thresh - self.v_reset)
        after = lowered if self.relative_reset else self.v_reset
        self.v = np.where(spikes, after, self.v)
        self.a = np.where(spikes, self.a + np.float32(1.0), self.a)
        self.timer = np.where(spikes, self.refrac, self.timer)
        return spikes


def run(
    populations: Mapping[str, Population],
    connections: Sequence[Connection],
    input_spikes: Mapping[str, Bool],
    num_timesteps: int,
    dt: float = 1.0,
) -> Result:
    """Run all steps of all batch elements from the initial state.

    Args:
        populations: by name.
        connections: any number into one population; their currents add in order.
        input_spikes: for each Input population, shape (batch, num_timesteps, size).
        num_timesteps: number of steps T.
        dt: length of a step [ms], 1 unless given.
    """
    batch = len(next(iter(input_spikes.values())))
    shapes = {name: (batch, num_timesteps, p.size) for name, p in populations.items()}
    _check(populations, connections, input_spikes, shapes)
    spikes = {name: np.zeros(shape, dtype=bool) for name, shape in shapes.items()}
    for name, played in input_spikes.items():
        spikes[name][:] = played
    neurons = {
        name: _Neurons(population.neuron, batch, population.size, dt)
        for name, population in populations.items()
        if not isinstance(population.neuron, Input)
    }
    synapses = [
        _Synapses(c, batch, populations[c.target].size, dt) for c in connections
    ]
    before, after, distance = (
        {name: np.empty(shapes[name], dtype=np.float32) for name in neurons}
        for _ in range(3)
    )
    result = Result(spikes, before, after, distance, {})
    for n in range(num_timesteps):
        _step(n, neurons, synapses, result)
    for name, group in neurons.items():
        values = _readouts(before[name], spikes[name], dt, group.silent)
        result.readouts[name] = values
    return result


def _step(
    n: int,
    neurons: Mapping[str, _Neurons],
    synapses: Sequence[_Synapses],
    result: Result,
) -> None:
    """Step n: all synapses first, then all neurons; what happens goes to result."""
    current = {name: np.zeros_like(group.v) for name, group in neurons.items()}
    for synapse in synapses:
        emitted = result.spikes[synapse.source]
        current[synapse.target] += synapse.step(n, emitted)
    for name, group in neurons.items():
        group.integrate(current[name])
        result.v_before_reset[name][:, n] = group.v
        distance = np.abs(group.v - group.threshold())
        result.threshold_distance[name][:, n] = distance
        result.spikes[name][:, n] = group.spike()
        result.v_after_step[name][:, n] = group.v


def _readouts(
    v: Float, spikes: Bool, dt: float, silent: bool
) -> dict[str, NDArray[np.generic]]:
    """All readouts of one population, T the number of steps, t_n = n dt.

    avg_var             sum_n V_n / T
    avg_var_exp_weight  sum_n exp(-t_n / (T dt)) V_n / T
    sum_var             sum_n V_n
    max_var             max(0, max_n V_n)
    var                 V_{T-1}, before the reset
    spike_count         number of spikes
    first_spike_time    -(time of the first spike), float32 minimum where none is
    """
    batch, steps, size = v.shape
    weight = np.exp(-np.arange(steps) / steps).astype(np.float32)
    scale = np.float32(1.0 / steps)
    total, average, weighted = np.zeros((3, batch, size), dtype=np.float32)
    for n in range(steps):
        total += v[:, n]
        average += scale * v[:, n]
        weighted += scale * weight[n] * v[:, n]
    values: dict[str, NDArray[np.generic]] = {
        "avg_var": average,
        "avg_var_exp_weight": weighted,
        "sum_var": total,
        "max_var": np.maximum(v.max(axis=1), np.float32(0.0)),
        "var": v[:, -1].copy(),
    }
    if not silent:
        first = -(spikes.argmax(axis=1) * dt).astype(np.float32)
        values["spike_count"] = spikes.sum(axis=1)
        values["first_spike_time"] = np.where(spikes.any(axis=1), first, _SILENT)
    return values


def _check(
    populations: Mapping[str, Population],
    connections: Sequence[Connection],
    input_spikes: Mapping[str, Bool],
    shapes: Mapping[str, tuple[int, ...]],
) -> None:
    """Raise ValueError where the parts do not fit together."""
    for name, spikes in input_spikes.items():
        if spikes.shape != shapes[name]:
            raise ValueError(
                f"input_spikes[{name!r}]: shape must be {shapes[name]}. "
                f"Got {spikes.shape}."
            )
    for c in connections:
        shape = (populations[c.source].size, populations[c.target].size)
        if np.shape(c.weight) != shape:
            raise ValueError(
                f"{c.source} -> {c.target}: weight must have shape {shape}. "
                f"Got {np.shape(c.weight)}."
            )
