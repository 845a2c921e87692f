"""What is learned, and by which optimiser."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ml_genn.connection import Connection
from ml_genn.errors import ValidationError, unknown_name
from ml_genn.network import Network
from ml_genn.optimisers import Optimiser, default_optimisers
from ml_genn.population import Population
from ml_genn.sequential import Layer
from ml_genn.utils.module import get_object
from ml_genn.utils.network import get_underlying_conn, get_underlying_pop

ALL = "all_connections"
WEIGHT = "weight"
Chosen = Mapping[Any, Mapping[str, Optimiser | str]]


@dataclass(frozen=True, slots=True, eq=False)
class LearnedArrays:
    """Optimisers of weights and of neuron parameters."""

    weights: Mapping[Connection, Optimiser]
    parameters: Mapping[tuple[Population, str], Optimiser]


def what_is_learned(
    network: Network, default: Optimiser, chosen: Chosen | None
) -> LearnedArrays:
    """What a user chose to learn; all weights where nothing was chosen.

    Raises:
        ValidationError, UnknownNameError: if something cannot be learned.
    """
    if chosen is None:
        chosen = {ALL: {WEIGHT: default}}
    weights: dict[Connection, Optimiser] = {}
    parameters: dict[tuple[Population, str], Optimiser] = {}
    for key, variables in chosen.items():
        for name, given in variables.items():
            optimiser = _optimiser(given, name)
            if key == ALL:
                _only_weight(name, ALL)
                weights = {**dict.fromkeys(network.connections, optimiser), **weights}
            elif isinstance(key, Connection) or (
                isinstance(key, Layer) and name == WEIGHT
            ):
                _only_weight(name, str(key))
                weights[get_underlying_conn(key)] = optimiser
            else:
                parameters[get_underlying_pop(key), name] = optimiser
    return LearnedArrays(weights, parameters)


def _only_weight(name: str, where: str) -> None:
    if name != WEIGHT:
        raise unknown_name("variable", name, [WEIGHT], where=f"optimisers, '{where}'")


def _optimiser(given: Any, name: str) -> Optimiser:
    found = get_object(given, Optimiser, "Optimiser", default_optimisers)
    if found is None:
        raise ValidationError(f"optimisers: '{name}' has no optimiser.")
    return found
