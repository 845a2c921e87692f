"""Schedule of a few-spike network: the time window of each population.

A population sends the digits of its numbers in k time steps, once it has received all
digits that they depend on. Layers follow each other; the schedule starts each as early
as possible.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from ml_genn.connection import Connection
from ml_genn.errors import UnsupportedError, ValidationError
from ml_genn.network import Network
from ml_genn.neurons import (
    FewSpikeActivation,
    FewSpikeMaxPool,
    FewSpikeRelu,
    FewSpikeReluInput,
)
from ml_genn.neurons.few_spike.digits import Digits
from ml_genn.population import Population
from ml_genn.readouts import Var
from ml_genn.synapses import Delta

SUPPORTED = (FewSpikeRelu, FewSpikeActivation, FewSpikeReluInput, FewSpikeMaxPool)


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """Time steps in which a population is active, and the digits that it sends.

    Args:
        first_digit: step of the first digit, which has the highest value.
        start: first step in which the population receives digits.
        digits: values of its spikes.
    """

    first_digit: int
    start: int
    digits: Digits


@dataclass(frozen=True, slots=True, eq=False)
class Schedule:
    """Time windows of all populations.

    Args:
        k: digits of a number.
        windows: {population: its window}, each after those of its sources.
    """

    k: int
    windows: Mapping[Population, TimeWindow]

    @property
    def num_steps(self) -> int:
        """Time steps until the last population has sent its last digit."""
        return self.k + max(window.first_digit for window in self.windows.values())

    def delay(self, connection: Connection) -> int:
        """Returns the delay with which digits of all sources arrive together [steps].

        Args:
            connection: a connection of the network.
        """
        source, target = connection.ends()
        arrival = self.windows[target].first_digit - latency(target, self.k)
        return arrival - self.windows[source].first_digit


def latency(population: Population, k: int) -> int:
    """Returns the steps from the first digit received to the first digit sent.

    Maxima are found digit by digit; a sum is known after all k digits.
    """
    return 1 if isinstance(population.neuron, FewSpikeMaxPool) else k


def make_schedule(network: Network, k: int) -> Schedule:
    """Returns the schedule in which each population is active as early as possible.

    Args:
        network: the network.
        k: digits of a number.

    Raises:
        UnsupportedError: if a part of the network has no few-spike code, or connections
            form a loop.
        ValidationError: if neurons have another number of digits.
    """
    for population in network.populations:
        _check_population(population, k)
    for connection in network.connections:
        _check_connection(connection)
    windows: dict[Population, TimeWindow] = {}
    for population in _sources_first(network):
        sources = [
            windows[c.ends()[0]]
            for c in network.connections
            if c.ends()[1] is population
        ]
        windows[population] = _window(population, sources, k)
    return Schedule(k, windows)


def _window(population: Population, sources: list[TimeWindow], k: int) -> TimeWindow:
    """Returns the window of a population, from those of its sources."""
    neuron = population.neuron
    if isinstance(neuron, FewSpikeReluInput):
        return TimeWindow(0, 0, neuron.digits)
    steps = latency(population, k)
    first_digit = max(source.first_digit for source in sources) + steps
    if isinstance(neuron, FewSpikeRelu | FewSpikeActivation):
        return TimeWindow(first_digit, first_digit - steps + 1, neuron.digits)
    digits = sources[0].digits
    if digits.signed:
        raise UnsupportedError(
            f"Population '{population.name}' (FewSpikeMaxPool): digits of numbers that "
            "may be below zero cannot be compared one by one. Put a FewSpikeRelu "
            "between the signed input and the maximum."
        )
    return TimeWindow(first_digit, first_digit, digits)


def _sources_first(network: Network) -> list[Population]:
    """Returns the populations in topological order."""
    graph: dict[Population, list[Population]] = {p: [] for p in network.populations}
    for connection in network.connections:
        source, target = connection.ends()
        graph[target].append(source)
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        loop = " -> ".join(f"'{p.name}'" for p in reversed(error.args[1]))
        raise UnsupportedError(
            f"FewSpikeCompiler: populations feed back to themselves: {loop}. A number "
            "is sent once all numbers that it depends on are known, so that "
            "connections form no loop."
        ) from None


def _check_population(population: Population, k: int) -> None:
    neuron = population.neuron
    where = f"Population '{population.name}' ({type(neuron).__name__})"
    if not isinstance(neuron, SUPPORTED):
        supported = ", ".join(cls.__name__ for cls in SUPPORTED)
        raise UnsupportedError(
            f"{where}: FewSpikeCompiler runs {supported}. Other neurons run with "
            "InferenceCompiler."
        )
    num_digits = getattr(neuron, "k", k)
    if num_digits != k:
        raise ValidationError(
            f"{where}: all numbers have as many digits as the compiler is told. "
            f"Received k={num_digits}, and FewSpikeCompiler(k={k})."
        )
    if neuron.readout is not None and not isinstance(neuron.readout, Var):
        raise UnsupportedError(
            f"{where}: a number has one value, which readout 'var' reads. Received "
            f"{type(neuron.readout).__name__}()."
        )


def _check_connection(connection: Connection) -> None:
    where = f"Connection '{connection.name}'"
    if not isinstance(connection.synapse, Delta):
        raise UnsupportedError(
            f"{where}: FewSpikeCompiler needs Delta synapses, since a digit acts in "
            f"one time step. Received {connection.synapse!r}."
        )
    delay = connection.connectivity.delay
    if not isinstance(delay, float) or delay:
        raise UnsupportedError(
            f"{where}: FewSpikeCompiler sets delays itself, so that digits arrive "
            f"together. Received delay={delay!r}; leave it at 0."
        )
