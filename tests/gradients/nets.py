"""The same small network in ml_genn and in the exact reference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from reference import exact

from ml_genn import Connection, Network, Population
from ml_genn.compilers import EventPropCompiler
from ml_genn.connectivity import Dense
from ml_genn.data import preprocess_spikes
from ml_genn.neurons import LeakyIntegrate, LeakyIntegrateFire, SpikeInput
from ml_genn.synapses import Delta, Exponential

T_END = 30.0  # [ms]
LONGEST = 6.0  # delay that may be learned [ms]


@dataclass(frozen=True)
class Case:
    """A network with its input, for one example."""

    populations: dict[str, exact.Population]
    connections: tuple[exact.Connection, ...]
    inputs: list[np.ndarray]
    label: int = 1

    def with_weight(self, index: int, weight: np.ndarray) -> Case:
        """The same case with other weights of one connection."""
        connections = list(self.connections)
        connections[index] = replace(connections[index], weight=weight)
        return replace(self, connections=tuple(connections))

    def with_delays(self, index: int, delay: Any) -> Case:
        """The same case with other delays [ms] of one connection."""
        connections = list(self.connections)
        connections[index] = replace(connections[index], delay=delay)
        return replace(self, connections=tuple(connections))

    def with_parameter(self, name: str, parameter: str, value: Any) -> Case:
        """The same case with another parameter of a population or synapses onto it."""
        if parameter == "tau_syn":
            connections = tuple(
                replace(c, tau_syn=value) if c.target == name else c
                for c in self.connections
            )
            return replace(self, connections=connections)
        changed = replace(self.populations[name], **{parameter: value})
        return replace(self, populations={**self.populations, name: changed})

    def simulate(self) -> exact.Result:
        """The exact simulation."""
        return exact.simulate(
            self.populations, list(self.connections), {"in": self.inputs}, T_END
        )

    def compile(
        self,
        dt: float,
        readout: str,
        loss: Any,
        learned: dict[str, tuple[str, ...]] | None = None,
        delays: Sequence[int] = (),
        **kwargs: Any,
    ) -> tuple[Any, dict[str, Connection], dict[str, Population]]:
        """The network compiled for EventProp with time steps of ``dt``.

        ``delays`` are the indices of connections whose delays are learned.
        """
        with Network() as network:
            populations = {
                name: self._population(name, readout) for name in self.populations
            }
            connections = {
                f"c{k}": self._connection(c, populations, dt, f"c{k}")
                for k, c in enumerate(self.connections)
            }
        compiler = EventPropCompiler(
            round(T_END / dt),
            loss,
            dt=dt,
            num_threads=1,
            delay_learn_conns=[connections[f"c{k}"] for k in delays],
            **kwargs,
        )
        optimisers: Any = None
        if learned is not None:
            optimisers = {"all_connections": {"weight": "adam"}}
            for name, parameters in learned.items():
                optimisers[populations[name]] = dict.fromkeys(parameters, "adam")
        return (
            compiler.compile(network, optimisers=optimisers),
            connections,
            populations,
        )

    def _population(self, name: str, readout: str) -> Population:
        p = self.populations[name]
        if p.kind == "input":
            return Population(SpikeInput(), p.size, name=name)
        out = readout if name == "out" else None
        if p.kind == "li":
            neuron: Any = LeakyIntegrate(tau_mem=p.tau_mem, readout=out)
        else:
            neuron = LeakyIntegrateFire(
                v_thresh=p.v_thresh,
                v_reset=p.v_reset,
                tau_mem=p.tau_mem,
                relative_reset=p.relative_reset,
                tau_refrac=p.tau_refrac or None,
                integrate_during_refrac=p.integrates,
                readout=out,
            )
        return Population(neuron, p.size, name=name)

    def _connection(
        self,
        c: exact.Connection,
        populations: dict[str, Population],
        dt: float,
        name: str,
    ) -> Connection:
        delay = np.rint(np.asarray(c.delay) / dt)
        jump = self.jump(c, dt)
        return Connection(
            populations[c.source],
            populations[c.target],
            Dense(c.weight / jump, delay if delay.ndim else float(delay)),
            Exponential(c.tau_syn) if np.all(c.tau_syn) else Delta(),
            name=name,
            max_delay_steps=round(LONGEST / dt),
        )

    def jump(self, c: exact.Connection, dt: float) -> float:
        """Returns the jump that a weight of one causes, scaled for delta synapses."""
        if np.all(c.tau_syn):
            return 1.0
        return float(-np.expm1(-dt / self.populations[c.target].tau_mem))

    def data(self, dt: float) -> list[Any]:
        """The input spikes; one played in step n arrives at (n + 1) dt."""
        times = np.concatenate(self.inputs) - dt
        ids = np.repeat(np.arange(len(self.inputs)), [len(t) for t in self.inputs])
        return [preprocess_spikes(np.maximum(times, 0.0), ids, len(self.inputs))]


def make_case(
    seed: int = 0,
    *,
    out: str = "li",
    recurrent: bool = False,
    delay: Any = None,
    two_time_constants: bool = False,
    equal_time_constants: bool = False,
    v_reset: float = 0.0,
    relative: bool = False,
    tau_refrac: float = 0.0,
    integrates: bool = False,
    layers: int = 1,
) -> Case:
    """A random network of 5 inputs, hidden layers of 6 and 3 outputs."""
    rng = np.random.default_rng(seed)
    inputs = [np.sort(rng.uniform(0.5, 18.0, 4)) for _ in range(5)]
    tau_syn = 20.0 if equal_time_constants else 5.0
    scale = 0.35 if equal_time_constants else 1.0
    lif = exact.Population(
        6,
        "lif",
        v_reset=v_reset,
        relative_reset=relative,
        tau_refrac=tau_refrac,
        integrates=integrates,
    )
    populations = {"in": exact.Population(5, "input")}
    connections: list[exact.Connection] = []
    before = "in"
    for layer in range(layers):
        name = f"hidden{layer}"
        populations[name] = lif
        size = populations[before].size
        mean = (1.5 if layer == 0 else 0.7) * scale
        weight = rng.normal(mean, 0.4 * mean, (size, 6))
        connections.append(exact.Connection(before, name, weight, tau_syn, 0.0))
        before = name
    if delay is not None:
        drawn = np.round(rng.uniform(0.0, 4.0, (5, 6)), 2)
        first = drawn if delay == "matrix" else delay
        connections[0] = replace(connections[0], delay=first)
    if recurrent:
        weight = rng.normal(0.0, 0.5, (6, 6))
        back = 1.5 if delay is not None else 0.0
        tau = 3.0 if two_time_constants else tau_syn
        connections.append(exact.Connection("hidden0", "hidden0", weight, tau, back))
    if two_time_constants:
        weight = rng.normal(0.1, 0.3, (5, 6))
        connections.append(exact.Connection("in", "hidden0", weight, 9.0, 0.0))
    kind = exact.Population(3, "li") if out == "li" else exact.Population(3, "lif")
    populations["out"] = kind
    mean = 0.0 if out == "li" else 1.4
    weight = rng.normal(mean, 0.8, (6, 3))
    connections.append(exact.Connection(before, "out", weight, tau_syn, 0.0))
    return Case(populations, tuple(connections), inputs)


def steepness(case: Case) -> float:
    """The flattest crossing of a threshold [per ms]; gradients grow as it falls."""
    result = case.simulate()
    flattest = np.inf
    for name, population in case.populations.items():
        if population.kind != "lif":
            continue
        for neuron, times in enumerate(result.spikes[name]):
            for time in times:
                v = result.voltages(name, np.array([time - 2e-6, time - 1e-6]))
                flattest = min(flattest, float(v[1, neuron] - v[0, neuron]) / 1e-6)
    return flattest


def some(shape: tuple[int, ...]) -> np.ndarray:
    """Flat indices of the synapses that are looked at, at random."""
    size = int(np.prod(shape))
    return np.sort(np.random.default_rng(size).permutation(size)[:10])


def differences(f: Callable[[np.ndarray], float], array: np.ndarray) -> np.ndarray:
    """Central differences by some of the numbers of an array."""
    chosen = some(array.shape)

    def placed(values: np.ndarray) -> float:
        moved = array.copy()
        moved.flat[chosen] = values
        return f(moved)

    return np.asarray(exact.finite_difference(placed, array.flat[chosen]))
