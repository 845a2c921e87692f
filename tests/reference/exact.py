"""Exact event-driven simulation of LIF networks in continuous time.

    tau_m V' = -V + sum_k I_k        tau_k I_k' = -I_k
    a spike arrives over connection c:     I_k(c) <- I_k(c) + w,
                                           or V <- V + w where tau_syn is 0
    V reaches v_thresh from below:         V <- v_reset                    (absolute)
                                           V <- V - (v_thresh - v_reset)   (relative)
    for tau_refrac after a spike:          no spike, and V stands still unless
                                           integrates; a spike at the end if V is above
                                           v_thresh there

Neurons are advanced from event to event in closed form, so spike times and voltages
are smooth in weights, delays, time constants and thresholds as long as the number
and the order of the spikes stay the same. Everything is float64, all times are ms.

Example:
    >>> populations = {"in": Population(1, "input"), "out": Population(1, "li")}
    >>> connections = [Connection("in", "out", np.ones((1, 1)), tau_syn=5.0)]
    >>> result = simulate(populations, connections, {"in": [[2.0]]}, t_end=30.0)
    >>> y = avg_var(result, "out")
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .losses import (
    READOUTS,
    avg_var,
    avg_var_exp_weight,
    cross_entropy,
    finite_difference,
    first_spike_loss,
    max_var,
    mean_square_error,
    per_timestep_cross_entropy,
    readout_loss,
    sum_var,
    var,
)
from .membrane import Membrane
from .trace import Result, Trace

__all__ = [
    "READOUTS",
    "Connection",
    "Population",
    "Result",
    "Trace",
    "avg_var",
    "avg_var_exp_weight",
    "cross_entropy",
    "finite_difference",
    "first_spike_loss",
    "max_var",
    "mean_square_error",
    "per_timestep_cross_entropy",
    "readout_loss",
    "simulate",
    "sum_var",
    "var",
]

DELTA = -1  # the channel of what goes straight to V
SpikeTimes = Mapping[str, Sequence[ArrayLike]]


@dataclass(frozen=True, eq=False)
class Population:
    """Neurons that play given spikes, spike themselves, or only integrate.

    Args:
        size: number of neurons.
        kind: "input", "lif" or "li".
        tau_mem: membrane time constant [ms], a number or one for each neuron.
        v_thresh: threshold, likewise; "li" has none.
        v_reset: value after a spike, likewise.
        relative_reset: subtract v_thresh - v_reset instead of setting v_reset.
        tau_refrac: refractory period [ms].
        integrates: V is integrated in the refractory period.
    """

    size: int
    kind: Literal["input", "lif", "li"]
    tau_mem: ArrayLike = 20.0
    v_thresh: ArrayLike = 1.0
    v_reset: ArrayLike = 0.0
    relative_reset: bool = False
    tau_refrac: float = 0.0
    integrates: bool = False


@dataclass(frozen=True, eq=False)
class Connection:
    """All-to-all synapses between two populations, by name.

    Args:
        source: name of the population that sends.
        target: name of the population that receives.
        weight: jump of the current, shape (sources, targets); 0 for no synapse.
        tau_syn: synaptic time constant [ms], a number or one for each target; 0 for a
            delta synapse, whose weight is a jump of V.
        delay: [ms], a number or shape (sources, targets).
    """

    source: str
    target: str
    weight: NDArray[np.float64]
    tau_syn: ArrayLike = 5.0
    delay: ArrayLike = 0.0


@dataclass(slots=True)
class _Neuron:
    """Running state of one neuron, and the pieces of its voltage so far."""

    membrane: Membrane
    threshold: float
    reset: float
    relative: bool
    tau_refrac: float
    integrates: bool
    time: float = 0.0
    voltage: float = 0.0
    currents: list[float] = field(default_factory=list)
    next_spike: float = np.inf
    free_from: float = 0.0  # end of the last refractory period
    arrivals: list[tuple[float, int, float]] = field(default_factory=list)
    spikes: list[float] = field(default_factory=list)
    pieces: list[tuple[float, float, list[float]]] = field(default_factory=list)

    def next_event(self) -> float:
        """Time of the next arrival, spike or end of a refractory period."""
        times = [self.next_spike]
        if self.arrivals:
            times.append(self.arrivals[0][0])
        if self.refractory:
            times.append(self.free_from)
        return min(times)

    @property
    def refractory(self) -> bool:
        """True within a refractory period."""
        return self.time < self.free_from

    def advance(self, time: float) -> None:
        """Move the state to the given time, no event lying between."""
        s = time - self.time
        if self.integrates or not self.refractory:
            self.voltage = self.membrane.voltage(self.voltage, self.currents, s)
        self.currents = self.membrane.currents(self.currents, s)
        self.time = time

    def receive(self) -> None:
        """I_k <- I_k + w, or V <- V + w, for all that arrives next at one time."""
        self.advance(self.arrivals[0][0])
        while self.arrivals and self.arrivals[0][0] == self.time:
            _, channel, weight = heapq.heappop(self.arrivals)
            if channel == DELTA:
                if self.integrates or not self.refractory:
                    self.voltage += weight
            else:
                self.currents[channel] += weight

    def fire(self) -> None:
        """Spike at the predicted time and reset."""
        self.advance(self.next_spike)
        drop = self.threshold - self.reset
        self.voltage = self.voltage - drop if self.relative else self.reset
        self.spikes.append(self.time)
        self.free_from = self.time + self.tau_refrac

    def begin_piece(self, end: float) -> None:
        """Note the state after an event and look for a spike before the next one.

        An arrival still to come that is not yet known makes this run again.
        """
        if self.pieces and self.pieces[-1][0] == self.time:
            self.pieces.pop()
        self.pieces.append((self.time, self.voltage, list(self.currents)))
        self.next_spike = np.inf
        if self.refractory:
            return
        if self.voltage > self.threshold:
            self.next_spike = self.time
        elif self.threshold < np.inf:
            until = min(self.arrivals[0][0], end) if self.arrivals else end
            s = self.membrane.first_crossing(
                self.voltage, self.currents, self.threshold, until - self.time
            )
            self.next_spike = np.inf if s is None else self.time + s

    def trace(self, end: float) -> Trace:
        """Return the voltage over [0, end]."""
        start, voltage, currents = zip(*self.pieces, strict=True)
        shape = (len(start), len(self.membrane.tau_syn))
        current = np.array(currents, dtype=np.float64).reshape(shape)
        return Trace(self.membrane, np.array(start), np.array(voltage), current, end)


# One connection: for each source neuron, its (target, channel, weight, delay).
_Wire = list[list[tuple[_Neuron, int, float, float]]]


def simulate(
    populations: Mapping[str, Population],
    connections: Sequence[Connection],
    inputs: SpikeTimes,
    t_end: float,
) -> Result:
    """Simulate from rest, V = 0 and I = 0, over [0, t_end].

    Args:
        populations: by name.
        connections: feedforward or recurrent, any number into one population.
        inputs: spike times [ms] of each neuron of each "input" population.
        t_end: duration [ms]; later spikes and arrivals are dropped.

    Returns:
        The spike times and voltages.
    """
    _check(populations, connections, inputs)
    neurons = {
        name: _make_neurons(name, population, connections)
        for name, population in populations.items()
        if population.kind != "input"
    }
    wires: dict[str, list[_Wire]] = {name: [] for name in populations}
    for c in connections:
        wires[c.source].append(_make_wire(c, populations[c.source].size, neurons))
    played = {
        name: tuple(_played(train, t_end) for train in trains)
        for name, trains in inputs.items()
    }
    _run(neurons, wires, played, t_end)
    emitted = {
        name: tuple(np.array(n.spikes) for n in group)
        for name, group in neurons.items()
    }
    spikes = {name: {**played, **emitted}[name] for name in populations}
    traces = {
        name: tuple(n.trace(t_end) for n in group) for name, group in neurons.items()
    }
    return Result(spikes, traces, t_end)


def _run(
    neurons: Mapping[str, list[_Neuron]],
    wires: Mapping[str, list[_Wire]],
    played: Mapping[str, tuple[NDArray[np.float64], ...]],
    end: float,
) -> None:
    """Take the earliest arrival or threshold crossing until none is left.

    An arrival leaves V where it is, so a crossing at the same time comes first.
    """
    for name, trains in played.items():
        for index, train in enumerate(trains):
            for time in train.tolist():
                _emit(wires[name], index, time)
    everyone = [(n, name, i) for name, g in neurons.items() for i, n in enumerate(g)]
    for neuron, _, _ in everyone:
        neuron.begin_piece(end)
    while everyone:
        neuron, name, index = min(everyone, key=lambda entry: entry[0].next_event())
        time = neuron.next_event()
        if time > end:
            return
        if time == neuron.next_spike:
            neuron.fire()
            _emit(wires[name], index, time)
        elif neuron.refractory and time == neuron.free_from:
            neuron.advance(time)
        else:
            neuron.receive()
        neuron.begin_piece(end)


def _emit(wires: Sequence[_Wire], index: int, time: float) -> None:
    """Put a spike of one source neuron on its way over all its connections."""
    for wire in wires:
        for neuron, channel, weight, delay in wire[index]:
            heapq.heappush(neuron.arrivals, (time + delay, channel, weight))


def _make_neurons(
    name: str, population: Population, connections: Sequence[Connection]
) -> list[_Neuron]:
    """Neurons at rest, one current for each distinct time constant."""
    size = population.size
    incoming = [_spread(c.tau_syn, size) for c in connections if c.target == name]
    tau_mem = _spread(population.tau_mem, size)
    infinite = population.kind == "li"
    threshold = _spread(np.inf if infinite else population.v_thresh, size)
    reset = _spread(population.v_reset, size)
    neurons = []
    for j in range(size):
        tau_syn = tuple(sorted({tau[j] for tau in incoming} - {0.0}))
        neuron = _Neuron(
            Membrane(tau_mem[j], tau_syn),
            threshold[j],
            reset[j],
            population.relative_reset,
            population.tau_refrac,
            population.integrates,
            currents=[0.0] * len(tau_syn),
        )
        neurons.append(neuron)
    return neurons


def _make_wire(
    connection: Connection, size: int, neurons: Mapping[str, list[_Neuron]]
) -> _Wire:
    """Resolve names, time constants and delays to neurons, channels and numbers."""
    targets = neurons[connection.target]
    weight = np.asarray(connection.weight, dtype=np.float64).tolist()
    delay = np.broadcast_to(connection.delay, (size, len(targets))).tolist()
    tau_syn = _spread(connection.tau_syn, len(targets))
    channel = [
        n.membrane.tau_syn.index(t) if t else DELTA
        for n, t in zip(targets, tau_syn, strict=True)
    ]
    return [
        [
            (targets[j], channel[j], float(weight[i][j]), float(delay[i][j]))
            for j in range(len(targets))
            if weight[i][j] != 0.0
        ]
        for i in range(size)
    ]


def _spread(value: ArrayLike, size: int) -> list[float]:
    """Return one float for each neuron."""
    spread = np.broadcast_to(np.asarray(value, dtype=np.float64), (size,))
    return [float(x) for x in spread]


def _played(train: ArrayLike, end: float) -> NDArray[np.float64]:
    """Spike times of one input neuron within [0, end], sorted."""
    times = np.sort(np.asarray(train, dtype=np.float64).reshape(-1))
    return times[times <= end]


def _check(
    populations: Mapping[str, Population],
    connections: Sequence[Connection],
    inputs: SpikeTimes,
) -> None:
    """Raise ValueError where the parts do not fit together."""
    for name, population in populations.items():
        if population.kind == "input" and len(inputs[name]) != population.size:
            raise ValueError(
                f"inputs[{name!r}]: one train for each of {population.size} neurons. "
                f"Got {len(inputs[name])}."
            )
        if population.kind == "lif" and np.any(
            np.asarray(population.v_reset) >= np.asarray(population.v_thresh)
        ):
            raise ValueError(f"{name}: v_reset must lie below v_thresh.")
    for c in connections:
        shape = (populations[c.source].size, populations[c.target].size)
        if populations[c.target].kind == "input":
            raise ValueError(f"{c.target}: an input population receives no spikes.")
        if np.shape(c.weight) != shape:
            raise ValueError(
                f"{c.source} -> {c.target}: weight must have shape {shape}. "
                f"Got {np.shape(c.weight)}."
            )
        if np.any(np.asarray(c.delay) < 0.0):
            raise ValueError(f"{c.source} -> {c.target}: delays cannot be negative.")
