"""E-prop (Bellec et al., 2020) of one example with forward eligibility traces.

Hidden neurons j of any population, z_i the spikes of inputs and hidden neurons,
outputs k; all is zero before step 0, and a spike of step t - 1 is input in step t:

    v_j[t] = a v_j[t-1] - g_v v_thresh z_j[t-1] + sum_i w_ij z_i[t-1]
    A_j[t] = rho A_j[t-1] + g_A z_j[t-1]
    z_j[t] = 1 if v_j[t] >= v_thresh + beta A_j[t] and j is not refractory
    v_k[t] = kappa v_k[t-1] + sum_j w_jk z_j[t-1] + b_k

with a = exp(-dt/tau_mem), rho = exp(-dt/tau_adapt), kappa = exp(-dt/tau_out). The
jumps at a spike come whole with the next step (g_v = g_A = 1), or happen at the end
of the step of the spike and so decay in the next one (g_v = a, g_A = rho), which is
the timing of ``discrete``. Traces of the synapse from i to j, u = v - v_thresh -
beta A being taken before the reset:

    psi_j[t]     = (0.3/v_thresh) max(0, 1 - |u_j[t]/v_thresh|), 0 while refractory
    zbar_ij[t]   = a zbar_ij[t-1] + z_i[t-1]
    e_ij[t]      = psi_j[t] (zbar_ij[t] - beta eps_ij[t])
    eps_ij[t+1]  = rho eps_ij[t] + g_A e_ij[t]
    ebar_ij[t]   = kappa ebar_ij[t-1] + e_ij[t-1]

and gradients, E_k[t] being the derivative of the loss by v_k[t]:

    L_j[t]  = sum_k B_jk E_k[t]
    dW_ij   = sum_t L_j[t] ebar_ij[t] + factor c_reg (F_j[t] - f*) e_ij[t]
    dW_jk   = sum_t zhat_jk[t] E_k[t]     zhat_jk[t] = kappa zhat_jk[t-1] + z_j[t-1]
    db_k    = sum_t h[t] E_k[t]           h[t] = kappa h[t-1] + 1 ; h[0] = 1

With B_jk = w_jk this is the derivative of the loss by w_ij where dz/du = psi, spikes
between neurons of the hidden layer and resets of v are constants, and A depends on
the neuron's own spikes. Everything is float64, all times are ms.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Connection", "Hidden", "Network", "Options", "Result", "run"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Hidden:
    """LIF (beta = 0) or ALIF neurons; parameters are numbers or one per neuron.

    A spike sets a counter to tau_refrac in steps, rounded up; every later step first
    counts it down by 1 if it is above 0, and the neuron is refractory while it stays
    above 0.
    """

    size: int
    tau_mem: ArrayLike = 20.0
    v_thresh: ArrayLike = 1.0
    beta: ArrayLike = 0.0
    tau_adapt: ArrayLike = 2000.0
    tau_refrac: ArrayLike = 0.0


@dataclass(frozen=True, eq=False)
class Connection:
    """Delta synapses between populations given by name, weight (sources, targets)."""

    source: str
    target: str
    weight: Array


@dataclass(frozen=True, eq=False)
class Network:
    """Hidden populations and one output; every other source is an input.

    Args:
        hidden: populations by name.
        connections: any number, from inputs and hidden to hidden and output.
        bias: of the outputs, one for each.
        tau_out: time constant of the outputs [ms].
        dt: length of a step [ms].
        output: name of the output.
        jumps_decay: g_v = a and g_A = rho instead of 1.
    """

    hidden: Mapping[str, Hidden]
    connections: tuple[Connection, ...]
    bias: Array
    tau_out: float = 20.0
    dt: float = 1.0
    output: str = "out"
    jumps_decay: bool = False


@dataclass(frozen=True, eq=False)
class Options:
    """Options of learning.

    F_j <- aF F_j + (1 - aF) z_j, aF = exp(-dt/tau_reg); F_j[t] is the value after the
    decay in step t, before (or, with rate_after_spike, after) z_j[t] is added, and
    f* = f_target dt/1000.

    Args:
        loss: "cross_entropy", -log softmax(v[t])[label] summed over steps, or
            "squared_error", (v_k[t] - y*_k[t])^2 averaged over steps and outputs.
        feedback: B of hidden populations, (hidden, outputs); symmetric, B_jk = w_jk,
            for those it leaves out.
        c_reg: strength of the firing-rate regularisation.
        factor: of c_reg.
        f_target: wanted rate [Hz].
        tau_reg: time constant of F [ms].
        initial_rate: F before step 0.
        rate_after_spike: see above.
        published_trace: g_A = 1 in the eligibility trace even if jumps_decay, as in
            the paper; the gradient is then not exact.
    """

    loss: Literal["cross_entropy", "squared_error"] = "cross_entropy"
    feedback: Mapping[str, Array] | None = None
    c_reg: float = 0.0
    factor: float = 1.0
    f_target: float = 10.0
    tau_reg: float = 500.0
    initial_rate: float = 0.0
    rate_after_spike: bool = False
    published_trace: bool = False


@dataclass(frozen=True, eq=False)
class Result:
    """Gradients and everything that happened; time series are (steps, neurons).

    Attributes:
        gradients: of the loss by the weight of each connection, in their order.
        bias: gradient of the loss by the bias.
        loss: without the regularisation.
        outputs: v_k.
        spikes: z_j of each hidden population.
        voltages: v_j, before the reset.
        thresholds: v_thresh + beta A_j.
        psi: psi_j.
        rates: F_j as the regularisation sees it.
    """

    gradients: tuple[Array, ...]
    bias: Array
    loss: float
    outputs: Array
    spikes: dict[str, Array]
    voltages: dict[str, Array]
    thresholds: dict[str, Array]
    psi: dict[str, Array]
    rates: dict[str, Array]


class _Neurons:
    """State of one hidden population; ``v``, ``threshold``, ``psi`` before reset."""

    def __init__(self, hidden: Hidden, network: Network, options: Options):
        dt, self.hidden, self.options = network.dt, hidden, options
        spread = np.zeros(hidden.size)
        self.a = spread + np.exp(-dt / np.asarray(hidden.tau_mem))
        self.rho = spread + np.exp(-dt / np.asarray(hidden.tau_adapt))
        self.v_thresh = spread + np.asarray(hidden.v_thresh)
        self.beta = spread + np.asarray(hidden.beta)
        self.decay_rate, self.dt = np.exp(-dt / options.tau_reg), dt
        self.refrac_steps = np.ceil(np.round(np.asarray(hidden.tau_refrac) / dt, 3))
        self.g_v = self.a if network.jumps_decay else np.ones_like(spread)
        self.g_a = self.rho if network.jumps_decay else np.ones_like(spread)
        exact = not options.published_trace
        self.g_trace = self.g_a if exact else np.ones_like(spread)
        self.v, self.adaptation, self.timer, self.z = np.zeros((4, hidden.size))
        self.average = spread + options.initial_rate

    def step(self, current: Array) -> None:
        """Advance by a step."""
        self.v = self.a * self.v - self.g_v * self.v_thresh * self.z + current
        self.adaptation = self.rho * self.adaptation + self.g_a * self.z
        self.timer = np.where(self.timer > 0.0, self.timer - 1.0, self.timer)
        self.threshold = self.v_thresh + self.beta * self.adaptation
        free = self.timer <= 0.0
        distance = np.abs((self.v - self.threshold) / self.v_thresh)
        self.psi = 0.3 / self.v_thresh * np.maximum(0.0, 1.0 - distance) * free
        self.z = ((self.v >= self.threshold) & free).astype(np.float64)
        self.timer = np.where(self.z > 0.0, self.refrac_steps, self.timer)
        decayed = self.decay_rate * self.average
        self.average = decayed + (1.0 - self.decay_rate) * self.z
        self.rate = self.average if self.options.rate_after_spike else decayed

    def push(self) -> Array:
        """Return factor c_reg (F - f*)."""
        o = self.options
        excess = self.rate - o.f_target * self.dt / 1000.0
        pushed: Array = o.factor * o.c_reg * excess
        return pushed


class _HiddenTraces:
    """Eligibility traces and gradient of a connection into a hidden population."""

    def __init__(self, shape: tuple[int, ...], kappa: float):
        self.kappa = kappa
        self.zbar, self.eps, self.e, self.ebar, self.gradient = np.zeros((5, *shape))

    def step(self, arriving: Array, post: _Neurons, learning_signal: Array) -> None:
        """Advance by a step, after its neurons."""
        self.ebar = self.kappa * self.ebar + self.e
        self.zbar = post.a * self.zbar + arriving[:, None]
        self.e = post.psi * (self.zbar - post.beta * self.eps)
        self.eps = post.rho * self.eps + post.g_trace * self.e
        self.gradient += learning_signal * self.ebar + post.push() * self.e


class _OutputTraces:
    """Trace and gradient of a connection into the output, or of the bias."""

    def __init__(self, shape: tuple[int, ...], kappa: float):
        self.kappa = kappa
        self.zhat, self.gradient = np.zeros(shape[0]), np.zeros(shape)

    def step(self, arriving: Array, error: Array) -> None:
        """Advance by a step, after the output."""
        self.zhat = self.kappa * self.zhat + arriving
        self.gradient += np.outer(self.zhat, error)


def run(
    network: Network,
    inputs: Mapping[str, ArrayLike],
    target: ArrayLike,
    options: Options | None = None,
) -> Result:
    """Run all steps of one example.

    Args:
        network: of LIF and ALIF neurons.
        inputs: spikes (0 or 1) of each input, shape (steps, neurons).
        target: label or one for each step; squared error: shape (steps, outputs).
        options: loss, feedback and regularisation.
    """
    options = options or Options()
    played = {k: np.asarray(x, dtype=np.float64) for k, x in inputs.items()}
    played = {k: np.concatenate([0.0 * x[:1], x]) for k, x in played.items()}
    steps = len(next(iter(played.values()))) - 1
    kappa = float(np.exp(-network.dt / network.tau_out))
    neurons = {k: _Neurons(h, network, options) for k, h in network.hidden.items()}
    feedback = _feedback(network, options)
    traces = _make_traces(network, kappa)
    bias = _OutputTraces((1, len(network.bias)), kappa)
    y, loss, log = np.zeros(len(network.bias)), 0.0, _Log(network)
    for t in range(steps):
        arriving = {k: x[t] for k, x in played.items()}
        arriving |= {k: n.z for k, n in neurons.items()}
        current = _currents(network, arriving)
        for name, group in neurons.items():
            group.step(current[name])
        y = kappa * y + current[network.output] + network.bias
        value, error = _loss(y, target, t, steps, options)
        loss += value
        signal = {k: b @ error for k, b in feedback.items()}
        _step_traces(network, traces, neurons, arriving, signal, error)
        bias.step(np.ones(1), error)
        log.add(y, neurons)
    gradients = tuple(trace.gradient for trace in traces)
    return log.result(gradients, bias.gradient[0], loss)


def _make_traces(network: Network, kappa: float) -> list[_OutputTraces | _HiddenTraces]:
    """Traces of each connection, at rest."""
    return [
        (_OutputTraces if c.target == network.output else _HiddenTraces)(
            np.shape(c.weight), kappa
        )
        for c in network.connections
    ]


def _step_traces(
    network: Network,
    traces: list[_OutputTraces | _HiddenTraces],
    neurons: Mapping[str, _Neurons],
    arriving: Mapping[str, Array],
    signal: Mapping[str, Array],
    error: Array,
) -> None:
    """Advance the traces of all connections by a step."""
    for c, trace in zip(network.connections, traces, strict=True):
        if isinstance(trace, _OutputTraces):
            trace.step(arriving[c.source], error)
        else:
            trace.step(arriving[c.source], neurons[c.target], signal[c.target])


def _currents(network: Network, arriving: Mapping[str, Array]) -> dict[str, Array]:
    """Return sum_i w_ij z_i[t-1] of each population."""
    current = {name: np.zeros(h.size) for name, h in network.hidden.items()}
    current[network.output] = np.zeros(len(network.bias))
    for c in network.connections:
        current[c.target] += arriving[c.source] @ c.weight
    return current


def _feedback(network: Network, options: Options) -> dict[str, Array]:
    """Return B of each hidden population."""
    outputs = len(network.bias)
    feedback = {name: np.zeros((h.size, outputs)) for name, h in network.hidden.items()}
    for c in network.connections:
        if c.target == network.output and c.source in feedback:
            feedback[c.source] += c.weight
    return feedback | dict(options.feedback or {})


def _loss(
    y: Array, target: ArrayLike, t: int, steps: int, options: Options
) -> tuple[float, Array]:
    """Returns the loss of step t and its derivative E[t]."""
    targets = np.asarray(target)
    if options.loss == "squared_error":
        error = y - targets[t]
        size = steps * len(y)
        return float(error @ error) / size, 2.0 * error / size
    label = int(targets if targets.ndim == 0 else targets[t])
    shifted = y - y.max()
    total = np.exp(shifted).sum()
    onehot = np.arange(len(y)) == label
    return float(np.log(total) - shifted[label]), np.exp(shifted) / total - onehot


class _Log:
    """Time series of a run."""

    def __init__(self, network: Network):
        self.outputs: list[Array] = []
        self.series: dict[str, dict[str, list[Array]]] = {
            kind: {name: [] for name in network.hidden}
            for kind in ("z", "v", "threshold", "psi", "rate")
        }

    def add(self, y: Array, neurons: Mapping[str, _Neurons]) -> None:
        """Note a step."""
        self.outputs.append(y)
        for kind, series in self.series.items():
            for name, values in series.items():
                values.append(getattr(neurons[name], kind))

    def result(self, gradients: tuple[Array, ...], bias: Array, loss: float) -> Result:
        """Return what was noted."""
        z, v, threshold, psi, rate = (
            {name: np.array(values) for name, values in series.items()}
            for series in self.series.values()
        )
        outputs = np.array(self.outputs)
        return Result(gradients, bias, loss, outputs, z, v, threshold, psi, rate)
