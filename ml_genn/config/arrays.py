"""Saved arrays put into a network: weights, delays, synapses, parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import is_dataclass, replace
from typing import Any

import numpy as np

from ml_genn.errors import CheckpointError, ValidationError
from ml_genn.graph.graph import Graph
from ml_genn.model.snapshot import (
    DELAYS,
    SOURCES,
    TARGETS,
    WEIGHTS,
    Key,
    Snapshot,
    is_slot,
    key_text,
    user_name,
)

_OF_SYNAPSES = (WEIGHTS, DELAYS, SOURCES, TARGETS)
#: facts of a snapshot: owners that are no part of a network, and where learned
#: parameters of synapses belong, {"population/name": [[connection, parameter], ...]}
APART, SYNAPSES = "apart", "synapse_parameters"


def load_arrays(network: Graph, given: Snapshot) -> None:
    """Puts saved arrays into a network; all of them, or none if anything is wrong.

    Raises:
        CheckpointError: if an array is missing, does not fit, or belongs to nothing.
    """
    arrays = {key: a for key, a in given.arrays.items() if not is_slot(key[1])}
    for owner in given.info.get(APART, ()):
        arrays = {key: a for key, a in arrays.items() if key[0] != owner}
    changes: list[tuple[Any, str, Any]] = []
    for connection in network.connections:
        own = _taken(arrays, connection.name, _OF_SYNAPSES)
        if WEIGHTS not in own:
            raise CheckpointError(
                f"Array '{key_text((connection.name, WEIGHTS))}' is missing."
            )
        made = _told(connection.name, connection.connectivity.with_arrays)(
            own, *connection.ends()
        )
        changes.append((connection, "connectivity", made))
    for population in network.populations:
        known = population.neuron.parameters()
        own = _taken(arrays, population.name, tuple(known))
        if own:
            made = _told(population.name, with_parameters)(population.neuron, own)
            changes.append((population, "_neuron", made))
    changes += _synapse_changes(network, given, arrays)
    if arrays:
        raise CheckpointError(
            f"Array '{key_text(next(iter(arrays)))}' belongs to nothing in the network."
        )
    for thing, name, value in changes:
        setattr(thing, name, value)


def _synapse_changes(
    network: Graph, given: Snapshot, arrays: dict[Key, np.ndarray]
) -> list[tuple[Any, str, Any]]:
    """What learned parameters of synapses change; their arrays are taken out."""
    connections = {c.name: c for c in network.connections}
    found: dict[str, dict[str, np.ndarray]] = {}
    for owner, name, uses in given.info.get(SYNAPSES, ()):
        value = arrays.pop((owner, name), None)
        for connection, parameter in uses:
            if value is not None and connection in connections:
                found.setdefault(connection, {})[parameter] = value
    return [
        (
            connections[name],
            "synapse",
            _told(name, with_parameters)(connections[name].synapse, values),
        )
        for name, values in found.items()
    ]


def _taken(
    arrays: dict[Key, np.ndarray], owner: str, names: tuple[str, ...]
) -> dict[str, np.ndarray]:
    """Takes the arrays of an owner out; {the user's name: array}."""
    keys = [k for k in arrays if k[0] == owner and user_name(k[1]) in names]
    return {user_name(key[1]): arrays.pop(key) for key in keys}


def _told(owner: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, with errors that name whose arrays are wrong."""

    def call(*arguments: Any) -> Any:
        try:
            return function(*arguments)
        except ValidationError as error:
            raise CheckpointError(f"'{owner}': {error}") from None

    return call


def with_parameters(part: Any, values: Mapping[str, np.ndarray]) -> Any:
    """A copy of a neuron or synapse with other values of parameters."""
    plain = {n: float(v) if v.ndim == 0 else v for n, v in values.items()}
    if is_dataclass(part) and not isinstance(part, type):
        return replace(part, **plain)
    made = copy(part)
    made.param_vals = {**part.param_vals, **plain}
    return made
