"""When each population of a few-spike network has its turn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from ml_genn.connection import Connection
from ml_genn.errors import UnsupportedError, ValidationError
from ml_genn.network import Network
from ml_genn.neurons import FewSpikeMaxPool, FewSpikeRelu, FewSpikeReluInput
from ml_genn.neurons.few_spike.digits import Digits
from ml_genn.population import Population
from ml_genn.readouts import Var
from ml_genn.synapses import Delta

RUN = (FewSpikeRelu, FewSpikeReluInput, FewSpikeMaxPool)


@dataclass(frozen=True, slots=True)
class Turn:
    """When a population sends its digits, and what they are worth.

    Args:
        start: step of the first digit, which is worth most.
        first: step in which the population starts to listen.
        digits: worth of its spikes.
    """

    start: int
    first: int
    digits: Digits


@dataclass(frozen=True, slots=True, eq=False)
class Schedule:
    """When each population has its turn: k steps, after all that it waits for.

    Args:
        k: digits of a number.
        turns: {population: its turn}, each after those that feed it.
    """

    k: int
    turns: Mapping[Population, Turn]

    @property
    def num_steps(self) -> int:
        """Time steps until the last population is done."""
        return self.k + max(turn.start for turn in self.turns.values())

    def delay(self, connection: Connection) -> int:
        """Steps that digits wait, so that those of all sources arrive together."""
        source, target = connection.ends()
        wait = lag(target, self.k)
        return self.turns[target].start - wait - self.turns[source].start


def lag(population: Population, k: int) -> int:
    """Steps from the first digit that arrives to the first that is sent."""
    return 1 if isinstance(population.neuron, FewSpikeMaxPool) else k


def schedule(network: Network, k: int) -> Schedule:
    """Gives each population its turn, as early as can be.

    Args:
        network: what runs.
        k: digits of a number.

    Raises:
        UnsupportedError: if a part of the network has no few-spike code, or connections
            form a loop.
        ValidationError: if numbers have other digits, or digits a sign where a maximum
            is taken.
    """
    for population in network.populations:
        _check_population(population, k)
    for connection in network.connections:
        _check_connection(connection)
    turns: dict[Population, Turn] = {}
    for population in _in_order(network):
        sources = [
            turns[c.ends()[0]] for c in network.connections if c.ends()[1] is population
        ]
        turns[population] = _turn(population, sources, k)
    return Schedule(k, turns)


def _turn(population: Population, sources: list[Turn], k: int) -> Turn:
    neuron = population.neuron
    if isinstance(neuron, FewSpikeReluInput):
        return Turn(0, 0, neuron.digits)
    wait = lag(population, k)
    start = max(turn.start for turn in sources) + wait
    if isinstance(neuron, FewSpikeRelu):
        return Turn(start, start - wait + 1, neuron.digits)
    digits = sources[0].digits
    if digits.signed:
        raise UnsupportedError(
            f"Population '{population.name}' (FewSpikeMaxPool): digits of numbers that "
            "may be below zero cannot be compared one by one. Put a FewSpikeRelu "
            "between the signed input and the maximum."
        )
    return Turn(start, start, digits)


def _in_order(network: Network) -> list[Population]:
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
    if not isinstance(neuron, RUN):
        listed = ", ".join(cls.__name__ for cls in RUN)
        raise UnsupportedError(
            f"{where}: FewSpikeCompiler runs {listed}. Other neurons run with "
            "InferenceCompiler."
        )
    own = getattr(neuron, "k", k)
    if own != k:
        raise ValidationError(
            f"{where}: all numbers have as many digits as the compiler is told. "
            f"Received k={own}, and FewSpikeCompiler(k={k})."
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
