"""Event-driven simulation of networks of neurons given by any differential equation.

    x' = f(x, I)       I = sum_c I_c       tau_c I_c' = -I_c
    a spike arrives over connection c:     I_c <- I_c + w
    th(x) reaches 0 from below:            x <- J(x), and a spike leaves

Between events (arrivals, spikes) the state moves in Runge-Kutta steps of fourth
order and fixed length, the currents in closed form; the first step begins at an
event, the last one ends at the next. A step in which some th(x) passes 0 is taken
again with the length after which it is 0. Spike times and integrals are therefore
smooth in all parameters, as long as the number and the order of the spikes stay the
same; the error of the steps, which goes with step^4, is continuous in them too. A
stay above the threshold that begins and ends within one step is not seen. Everything
is float64, all times are ms.

Example:
    >>> populations = {"in": Population(1), "out": Population(1, leaky_integrator())}
    >>> connections = [Connection("in", "out", np.ones((1, 1)), tau_syn=5.0)]
    >>> result = simulate(populations, connections, {"in": [[2.0]]}, t_end=30.0)
    >>> y = avg_var(result, "out")
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import trace
from .exact import Connection, SpikeTimes
from .losses import cross_entropy

__all__ = [
    "Connection",
    "Model",
    "Population",
    "Result",
    "adaptive_lif",
    "avg_var",
    "avg_var_cross_entropy",
    "exponential_if",
    "leaky_integrator",
    "lif",
    "quadratic_if",
    "simulate",
    "sum_var",
    "var",
]

Array = NDArray[np.float64]

_SAME_TIME = 1e-12
_MAX_ITERATIONS = 100


@dataclass(frozen=True, eq=False)
class Model:
    """Equations of n neurons with S state variables; x has shape (S, n), V = x[0].

    Args:
        initial: x at t = 0, anything that np.broadcast_to brings to (S, n).
        states: S.
        derivative: f(x, I), I of shape (n,), giving (S, n).
        threshold: th(x), giving (n,); None for neurons that never spike.
        jump: J(x), giving (S, n); used for the neurons that spike.
    """

    states: int
    derivative: Callable[[Array, Array], Array]
    threshold: Callable[[Array], Array] | None = None
    jump: Callable[[Array], Array] | None = None
    initial: ArrayLike = 0.0


def leaky_integrator(tau_mem: ArrayLike = 20.0) -> Model:
    """tau V' = -V + I."""
    tau = _array(tau_mem)
    return Model(1, lambda x, i: (i - x) / tau)


def lif(
    tau_mem: ArrayLike = 20.0,
    v_thresh: ArrayLike = 1.0,
    v_reset: ArrayLike = 0.0,
    relative_reset: bool = False,
) -> Model:
    """tau V' = -V + I ; V <- v_reset or V - (v_thresh - v_reset) at v_thresh."""
    tau, high, low = _array(tau_mem), _array(v_thresh), _array(v_reset)
    return Model(
        1,
        lambda x, i: (i - x) / tau,
        lambda x: x[0] - high,
        lambda x: x - (high - low) if relative_reset else np.zeros_like(x) + low,
    )


def adaptive_lif(
    tau_mem: ArrayLike = 20.0,
    v_thresh: ArrayLike = 1.0,
    v_reset: ArrayLike = 0.0,
    relative_reset: bool = True,
    beta: ArrayLike = 0.0174,
    tau_adapt: ArrayLike = 2000.0,
) -> Model:
    """LIF with a' = -a/tau_adapt, a <- a + 1 at spikes, threshold v_thresh + beta a.

    The relative reset subtracts v_thresh - v_reset, whatever a is.
    """
    tau, high, low = _array(tau_mem), _array(v_thresh), _array(v_reset)
    tau_a, strength = _array(tau_adapt), _array(beta)

    def jump(x: Array) -> Array:
        v = x[0] - (high - low) if relative_reset else np.zeros_like(x[0]) + low
        return np.stack([v, x[1] + 1.0])

    return Model(
        2,
        lambda x, i: np.stack([(i - x[0]) / tau, -x[1] / tau_a]),
        lambda x: x[0] - high - strength * x[1],
        jump,
    )


def quadratic_if(
    tau_mem: ArrayLike = 20.0,
    v_thresh: ArrayLike = 1.5,
    v_reset: ArrayLike = 0.0,
    initial: ArrayLike = 0.0,
) -> Model:
    """tau V' = V (V - 1) + I ; V <- v_reset at v_thresh."""
    tau, high, low = _array(tau_mem), _array(v_thresh), _array(v_reset)
    return Model(
        1,
        lambda x, i: (x * (x - 1.0) + i) / tau,
        lambda x: x[0] - high,
        lambda x: np.zeros_like(x) + low,
        initial,
    )


def exponential_if(
    tau_mem: ArrayLike = 20.0,
    v_thresh: ArrayLike = 1.5,
    v_reset: ArrayLike = 0.0,
    v_soft: ArrayLike = 1.0,
    sharpness: ArrayLike = 0.2,
    initial: ArrayLike = 0.0,
) -> Model:
    """tau V' = -V + D exp((V - v_soft)/D) + I, D = sharpness ; V <- v_reset."""
    tau, high, low = _array(tau_mem), _array(v_thresh), _array(v_reset)
    d, soft = _array(sharpness), _array(v_soft)
    return Model(
        1,
        lambda x, i: (i - x + d * np.exp((x - soft) / d)) / tau,
        lambda x: x[0] - high,
        lambda x: np.zeros_like(x) + low,
        initial,
    )


def branched_if(
    tau_mem: ArrayLike = 20.0,
    v_thresh: ArrayLike = 1.5,
    v_branch: ArrayLike = 0.7,
    initial: ArrayLike = 0.0,
) -> Model:
    """tau V' = -V + max(V - v_branch, 0)^2 + I ; V <- 0 at v_thresh."""
    tau, high, bend = _array(tau_mem), _array(v_thresh), _array(v_branch)
    return Model(
        1,
        lambda x, i: (i - x + np.maximum(x - bend, 0.0) ** 2) / tau,
        lambda x: x[0] - high,
        np.zeros_like,
        initial,
    )


def _array(value: ArrayLike) -> Array:
    """Return float64."""
    return np.asarray(value, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Population:
    """``size`` neurons of one model; None for those that play given spikes."""

    size: int
    model: Model | None = None


@dataclass(frozen=True, eq=False)
class Result:
    """Spike times [ms] of all populations; of those with a model also the rest.

    Attributes:
        spikes: times of each neuron.
        integrals: int_0^T V dt, shape (n,).
        states: x(T), shape (S, n).
        t_end: T.
    """

    spikes: dict[str, tuple[Array, ...]]
    integrals: dict[str, Array]
    states: dict[str, Array]
    t_end: float

    def first_spike_times(self, population: str, silent: float = np.inf) -> Array:
        """Time of each neuron's first spike, ``silent`` where there is none."""
        return self._bare().first_spike_times(population, silent)

    def spike_order(self) -> tuple[tuple[str, int], ...]:
        """Every spike as (population, neuron), in order of time.

        Where it differs between the two sides of a finite difference, the
        difference is not a derivative.
        """
        return self._bare().spike_order()

    def _bare(self) -> trace.Result:
        return trace.Result(self.spikes, {}, self.t_end)


def avg_var(result: Result, population: str) -> Array:
    """Return y = (1/T) int_0^T V dt."""
    return result.integrals[population] / result.t_end


def sum_var(result: Result, population: str, dt: float = 1.0) -> Array:
    """Return y = (1/dt) int_0^T V dt."""
    return result.integrals[population] / dt


def var(result: Result, population: str) -> Array:
    """Return y = V(T)."""
    v: Array = result.states[population][0]
    return v


def avg_var_cross_entropy(
    result: Result, population: str, label: int, temperature: float = 1.0
) -> float:
    """Return -log softmax(y / temperature)[label], y = (1/T) int_0^T V dt."""
    return cross_entropy(avg_var(result, population), label, temperature)


class _Neurons:
    """State of one population: x with int V dt as a last row, currents (c, n)."""

    def __init__(self, population: Population, tau_syn: Sequence[ArrayLike]):
        assert population.model is not None
        self.model, n = population.model, population.size
        states = self.model.states
        self.state = np.zeros((states + 1, n))
        self.state[:states] = np.broadcast_to(self.model.initial, (states, n))
        self.tau = np.array([np.broadcast_to(tau, n) for tau in tau_syn]).reshape(-1, n)
        self.currents = np.zeros(self.tau.shape)
        self.spikes: list[list[float]] = [[] for _ in range(n)]
        self._decays: dict[float, Array] = {}

    def moved(self, h: float, step: float) -> Array:
        """State h later, no event lying between."""
        half = self._decayed(0.5 * h, 0.5 * step).sum(axis=0)
        whole = self._decayed(h, step).sum(axis=0)
        y = self.state
        a = self._slope(y, self.currents.sum(axis=0))
        b = self._slope(y + 0.5 * h * a, half)
        c = self._slope(y + 0.5 * h * b, half)
        d = self._slope(y + h * c, whole)
        moved: Array = y + (h / 6.0) * (a + 2.0 * (b + c) + d)
        return moved

    def commit(self, state: Array, h: float, step: float) -> None:
        """Make the state h later the present one."""
        self.state, self.currents = state, self._decayed(h, step)

    def excess(self, state: Array) -> Array:
        """Return th(x)."""
        if self.model.threshold is None:
            return np.full(state.shape[1], -np.inf)
        return self.model.threshold(state[:-1])

    def crossings(self, state: Array, h: float) -> dict[int, float]:
        """Returns the times, in the step of length h to ``state``, of th(x) = 0."""
        if self.model.threshold is None:
            return {}
        reached = np.flatnonzero(self.excess(state) >= 0.0)
        return {int(j): self._crossing(int(j), h) for j in reached}

    def fire(self, neurons: Sequence[int], time: float) -> None:
        """Make neurons spike and jump."""
        assert self.model.jump is not None
        index = list(neurons)
        self.state[:-1, index] = self.model.jump(self.state[:-1])[:, index]
        for j in index:
            self.spikes[j].append(time)
        self.check(index)

    def check(self, index: Sequence[int]) -> None:
        """Raise ValueError where neurons are not below the threshold."""
        if np.any(self.excess(self.state)[list(index)] >= 0.0):
            raise ValueError("The initial state and jumps must lead below threshold.")

    def _crossing(self, j: int, h: float) -> float:
        """Root of th(x_j(s)) in (0, h] by false position, Illinois variant."""

        def excess(s: float) -> float:
            return float(self.excess(self.moved(s, 0.0))[j])

        low, high, below, above = 0.0, h, excess(0.0), excess(h)
        if below >= 0.0 or above <= 0.0:
            return 0.0 if below >= 0.0 else h
        last, side = h, 0
        for _ in range(_MAX_ITERATIONS):
            s = (low * above - high * below) / (above - below)
            value = excess(s)
            if value == 0.0 or abs(s - last) <= 1e-15 or high - low <= 1e-15:
                return s
            if value < 0.0:
                low, below, above = s, value, 0.5 * above if side < 0 else above
                side = -1
            else:
                high, above, below = s, value, 0.5 * below if side > 0 else below
                side = 1
            last = s
        return last

    def _slope(self, state: Array, current: Array) -> Array:
        x = state[:-1]
        return np.concatenate([self.model.derivative(x, current), x[:1]])

    def _decayed(self, h: float, step: float) -> Array:
        """Currents h later; the factors of a whole step (h = step) are kept."""
        if h != step:
            return self.currents * np.exp(-h / self.tau)
        if h not in self._decays:
            self._decays[h] = np.exp(-h / self.tau)
        return self.currents * self._decays[h]


# For each source neuron, the (delay, target, channel, weights) of its synapses.
_Wires = list[list[tuple[float, str, int, Array]]]


class _Queue:
    """Spikes on their way."""

    def __init__(self, wires: Mapping[str, _Wires], end: float):
        self.wires, self.end = wires, end
        self.heap: list[tuple[float, int, str, int, Array]] = []
        self.serial = 0

    def emit(self, name: str, index: int, time: float) -> None:
        """Send a spike of one neuron over all its connections."""
        for delay, target, channel, weights in self.wires[name][index]:
            if time + delay <= self.end:
                event = (time + delay, self.serial, target, channel, weights)
                heapq.heappush(self.heap, event)
                self.serial += 1

    def deliver(self, neurons: Mapping[str, _Neurons], time: float) -> float:
        """Hand over what has arrived and return when the next event is due."""
        while self.heap and self.heap[0][0] <= time:
            _, _, target, channel, weights = heapq.heappop(self.heap)
            neurons[target].currents[channel] += weights
        return self.heap[0][0] if self.heap else self.end


def simulate(
    populations: Mapping[str, Population],
    connections: Sequence[Connection],
    inputs: SpikeTimes,
    t_end: float,
    step: float = 0.01,
) -> Result:
    """Simulate from the models' initial state, currents 0, over [0, t_end].

    Args:
        populations: by name.
        connections: feedforward or recurrent, any number into one population.
        inputs: spike times [ms] of each neuron of each input population.
        t_end: duration [ms]; later spikes and arrivals are dropped.
        step: longest Runge-Kutta step [ms].
    """
    incoming = {
        name: [c for c in connections if c.target == name] for name in populations
    }
    neurons = {
        name: _Neurons(population, [c.tau_syn for c in incoming[name]])
        for name, population in populations.items()
        if population.model is not None
    }
    wires = {name: _make_wires(name, populations, incoming) for name in populations}
    queue = _Queue(wires, t_end)
    spikes = {}
    for name, trains in inputs.items():
        played = [np.sort(np.asarray(x, np.float64).reshape(-1)) for x in trains]
        spikes[name] = tuple(x[x <= t_end] for x in played)
        for index, train in enumerate(spikes[name]):
            for time in train.tolist():
                queue.emit(name, index, time)
    _run(neurons, queue, step)
    for name, group in neurons.items():
        spikes[name] = tuple(np.array(times) for times in group.spikes)
    integrals = {name: group.state[-1] for name, group in neurons.items()}
    states = {name: group.state[:-1] for name, group in neurons.items()}
    return Result({k: spikes[k] for k in populations}, integrals, states, t_end)


def _run(neurons: Mapping[str, _Neurons], queue: _Queue, step: float) -> None:
    """Step from event to event; ``origin`` is the last one, ``count`` steps after."""
    for group in neurons.values():
        group.check(range(group.state.shape[1]))
    time = origin = 0.0
    count = 0
    due = queue.deliver(neurons, time)
    while time < queue.end:
        later = origin + (count + 1) * step
        whole = later < due
        h = step if whole else due - time
        fired = _advance(neurons, h, step)
        if fired is not None:
            time += fired[0]
            for name, index in fired[1]:
                neurons[name].fire([index], time)
                queue.emit(name, index, time)
        else:
            time = later if whole else due
        if whole and fired is None:
            count += 1
        else:
            due, origin, count = queue.deliver(neurons, time), time, 0


def _advance(
    neurons: Mapping[str, _Neurons], h: float, step: float
) -> tuple[float, list[tuple[str, int]]] | None:
    """Move by h or, if that is earlier, to the next spikes; return when and whose."""
    states = {name: group.moved(h, step) for name, group in neurons.items()}
    crossings = {
        (name, j): s
        for name, group in neurons.items()
        for j, s in group.crossings(states[name], h).items()
    }
    if not crossings:
        for name, group in neurons.items():
            group.commit(states[name], h, step)
        return None
    first = min(crossings.values())
    for group in neurons.values():
        group.commit(group.moved(first, 0.0), first, 0.0)
    return first, [who for who, s in crossings.items() if s <= first + _SAME_TIME]


def _make_wires(
    name: str,
    populations: Mapping[str, Population],
    incoming: Mapping[str, Sequence[Connection]],
) -> _Wires:
    """Synapses of each neuron of a population, those of one delay together."""
    wires: _Wires = [[] for _ in range(populations[name].size)]
    for target, connections in incoming.items():
        for channel, c in enumerate(connections):
            if c.source != name:
                continue
            weight = np.asarray(c.weight, dtype=np.float64)
            delays = np.broadcast_to(np.asarray(c.delay, np.float64), weight.shape)
            for i, row in enumerate(delays):
                for delay in np.unique(row).tolist():
                    weights = np.where(row == delay, weight[i], 0.0)
                    wires[i].append((delay, target, channel, weights))
    return wires
