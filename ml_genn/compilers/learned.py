"""What is learned, and by which optimiser."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ml_genn.connection import Connection
from ml_genn.errors import UnsupportedError, ValidationError, unknown_name
from ml_genn.graph.graph import get_underlying_conn, get_underlying_pop
from ml_genn.network import Network
from ml_genn.optimisers import Optimiser, default_optimisers
from ml_genn.population import Population
from ml_genn.sequential import Layer
from ml_genn.utils.checks import shown
from ml_genn.utils.module import get_object

ALL = "all_connections"
WEIGHT, DELAY = "weight", "delay"
Chosen = Mapping[Any, Mapping[str, Optimiser | str]]


@dataclass(frozen=True, slots=True, eq=False)
class LearnedArrays:
    """Optimisers of weights, of delays and of neuron parameters."""

    weights: Mapping[Connection, Optimiser]
    delays: Mapping[Connection, Optimiser]
    parameters: Mapping[tuple[Population, str], Optimiser]


def what_is_learned(
    network: Network, default: Optimiser, chosen: Chosen | None
) -> LearnedArrays:
    """What a user chose to learn; all weights where nothing was chosen.

    Raises:
        ValidationError, UnknownNameError, UnsupportedError: if something cannot be
            learned.
    """
    if chosen is None:
        chosen = {ALL: {WEIGHT: default}}
    found: dict[str, dict[Connection, Optimiser]] = {WEIGHT: {}, DELAY: {}}
    parameters: dict[tuple[Population, str], Optimiser] = {}
    for key, variables in _mapping("optimisers", chosen).items():
        _check_owner(network, key)
        for name, given in _mapping(f"optimisers, '{key}'", variables).items():
            optimiser = _optimiser(given, name)
            if key == ALL:
                _of_synapses(name, ALL)
                able = [c for c in network.connections if _can_learn(c, name)]
                found[name] = {**dict.fromkeys(able, optimiser), **found[name]}
            elif isinstance(key, Connection) or (
                isinstance(key, Layer) and name in found
            ):
                _of_synapses(name, str(key))
                connection = get_underlying_conn(key)
                if not _can_learn(connection, name):
                    raise UnsupportedError(
                        f"optimisers: connection '{connection.name}' has fixed "
                        f"weights: {connection.connectivity!r}. Leave it out."
                    )
                found[name][connection] = optimiser
            else:
                parameters[get_underlying_pop(key), name] = optimiser
    return LearnedArrays(found[WEIGHT], found[DELAY], parameters)


def _mapping(where: str, given: Any) -> Mapping[Any, Any]:
    if isinstance(given, Mapping):
        return given
    raise ValidationError(
        f"{where}: expected a dictionary, as in {{'all_connections': {{'weight': "
        f"'adam'}}}}. Received {shown(given)}."
    )


def _check_owner(network: Network, key: Any) -> None:
    """Refuses what is no part of a network."""
    if key == ALL:
        return
    if isinstance(key, str):
        raise unknown_name("key", key, [ALL], where="optimisers")
    owner = key if isinstance(key, Connection) else get_underlying_pop(key)
    if owner not in (*network.connections, *network.populations):
        raise ValidationError(
            f"optimisers: '{owner.name}' is not part of this network."
        )


def _of_synapses(name: str, where: str) -> None:
    if name not in (WEIGHT, DELAY):
        known = [WEIGHT, DELAY]
        raise unknown_name("variable", name, known, where=f"optimisers, '{where}'")


def _can_learn(connection: Connection, name: str) -> bool:
    return name != WEIGHT or connection.connectivity.trainable


def _optimiser(given: Any, name: str) -> Optimiser:
    found = get_object(given, Optimiser, "Optimiser", default_optimisers)
    if found is None:
        raise ValidationError(f"optimisers: '{name}' has no optimiser.")
    return found
