"""Arrays that are learned, and the optimiser of each."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ml_genn.connection import Connection
from ml_genn.errors import UnsupportedError, ValidationError, unknown_name
from ml_genn.graph.graph import get_underlying_conn, get_underlying_pop
from ml_genn.network import Network
from ml_genn.neurons import Input
from ml_genn.optimisers import Optimiser, default_optimisers
from ml_genn.population import Population
from ml_genn.sequential import Layer
from ml_genn.utils.checks import shown
from ml_genn.utils.module import get_object

ALL = "all_connections"
WEIGHT, DELAY = "weight", "delay"
Optimisers = Mapping[Any, Mapping[str, Optimiser | str]]


@dataclass(frozen=True, slots=True, eq=False)
class LearnedArrays:
    """Optimisers of weights, of delays and of neuron parameters.

    Args:
        weights: {connection: optimiser of its weights}.
        delays: {connection: optimiser of its delays}.
        parameters: {(population, parameter): optimiser}.
    """

    weights: Mapping[Connection, Optimiser]
    delays: Mapping[Connection, Optimiser]
    parameters: Mapping[tuple[Population, str], Optimiser]


def learned_arrays(
    network: Network, default: Optimiser, optimisers: Optimisers | None
) -> LearnedArrays:
    """Returns the arrays that a user lets learn.

    Args:
        network: the network.
        default: optimiser of all weights, if ``optimisers`` is None.
        optimisers: as for `TrainingCompiler.compile`.

    Raises:
        ValidationError, UnknownNameError, UnsupportedError: if an array cannot be
            learned.
    """
    if optimisers is None:
        optimisers = {ALL: {WEIGHT: default}}
    synaptic: dict[str, dict[Connection, Optimiser]] = {WEIGHT: {}, DELAY: {}}
    parameters: dict[tuple[Population, str], Optimiser] = {}
    for key, variables in _mapping("optimisers", optimisers).items():
        _check_owner(network, key)
        for name, value in _mapping(f"optimisers, '{key}'", variables).items():
            optimiser = _optimiser(value, name)
            if key == ALL:
                _check_synaptic(name, ALL)
                able = [c for c in network.connections if _can_learn(c, name)]
                synaptic[name] = {**dict.fromkeys(able, optimiser), **synaptic[name]}
            elif isinstance(key, Connection) or (
                isinstance(key, Layer) and name in synaptic
            ):
                _check_synaptic(name, str(key))
                synaptic[name][_learning(get_underlying_conn(key), name)] = optimiser
            else:
                parameters[get_underlying_pop(key), name] = optimiser
    return LearnedArrays(synaptic[WEIGHT], synaptic[DELAY], parameters)


def upstream(network: Network, outputs: Sequence[Population]) -> frozenset[Population]:
    """Returns the populations from which an output is reached, without inputs."""
    reaching = set(outputs)
    while True:
        sources = {c.ends()[0] for c in network.connections if c.ends()[1] in reaching}
        added = {p for p in sources - reaching if not isinstance(p.neuron, Input)}
        if not added:
            return frozenset(reaching)
        reaching |= added


def check_parameters(
    parameters: Collection[tuple[Population, str]], trained: Collection[Population]
) -> None:
    """Raises an error if a parameter belongs to a population without a gradient.

    Raises:
        ValidationError: for inputs, and populations that lead to no output.
    """
    for population, name in parameters:
        if population not in trained:
            is_input = isinstance(population.neuron, Input)
            why = "is an input" if is_input else "leads to no output"
            raise ValidationError(
                f"optimisers: parameter '{name}' of population '{population.name}' has "
                f"no gradient, since the population {why}. Leave it out."
            )


def _mapping(where: str, value: Any) -> Mapping[Any, Any]:
    if isinstance(value, Mapping):
        return value
    raise ValidationError(
        f"{where}: expected a dictionary, as in {{'all_connections': {{'weight': "
        f"'adam'}}}}. Received {shown(value)}."
    )


def _check_owner(network: Network, key: Any) -> None:
    """Raises an error if a key is no part of the network."""
    if key == ALL:
        return
    if isinstance(key, str):
        raise unknown_name("key", key, [ALL], where="optimisers")
    owner = key if isinstance(key, Connection) else get_underlying_pop(key)
    if owner not in (*network.connections, *network.populations):
        raise ValidationError(
            f"optimisers: '{owner.name}' is not part of this network."
        )


def _check_synaptic(name: str, where: str) -> None:
    """Raises an error if synapses have no array with this name."""
    if name not in (WEIGHT, DELAY):
        known = [WEIGHT, DELAY]
        raise unknown_name("variable", name, known, where=f"optimisers, '{where}'")


def _can_learn(connection: Connection, name: str) -> bool:
    return name != WEIGHT or connection.connectivity.trainable


def _learning(connection: Connection, name: str) -> Connection:
    """Returns the connection; raises an error if its weights are fixed."""
    if not _can_learn(connection, name):
        raise UnsupportedError(
            f"optimisers: connection '{connection.name}' has fixed "
            f"weights: {connection.connectivity!r}. Leave it out."
        )
    return connection


def _optimiser(value: Any, name: str) -> Optimiser:
    optimiser = get_object(value, Optimiser, "Optimiser", default_optimisers)
    if optimiser is None:
        raise ValidationError(f"optimisers: '{name}' has no optimiser.")
    return optimiser
