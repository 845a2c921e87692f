"""Saved arrays assigned to a network: weights, delays, synapses and parameters."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import is_dataclass, replace
from typing import Any

import numpy as np

from ml_genn.config.fixed_values import (
    FIXED_VALUES,
    network_values,
    warn_of_other_values,
)
from ml_genn.config.records import NetworkFacts
from ml_genn.errors import CheckpointError, CheckpointWarning, stacklevel_of_user
from ml_genn.graph.decisions import (
    DECISIONS,
    Change,
    decision_changes,
    read_decisions,
)
from ml_genn.graph.graph import Connection, Graph
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
from ml_genn.utils.records import as_checkpoint_error, record_of

_SYNAPSE_ARRAYS = (WEIGHTS, DELAYS, SOURCES, TARGETS)

# Entries of a snapshot's info, see `NetworkFacts`.
NOT_IN_NETWORK = "apart"
SYNAPSE_PARAMETERS = "synapse_parameters"


def load_arrays(graph: Graph, snapshot: Snapshot, file: str = "") -> None:
    """Assigns saved arrays, and the decisions about choices that belong to them.

    Changes nothing if there is an error. Connections that the checkpoint does not
    contain keep their weights; a warning names them.

    Args:
        graph: a network.
        snapshot: arrays of its connections, populations and synapses.
        file: the checkpoint, for messages; empty (default) for none.

    Raises:
        CheckpointError: if there is no array of the network, one does not fit or
            belongs to no part of the network, or an argument contradicts the decisions.
    """
    facts = _facts(snapshot)
    arrays = {
        key: array
        for key, array in snapshot.arrays.items()
        if not is_slot(key[1]) and key[0] not in facts.apart
    }
    missing = [c for c in graph.connections if (c.name, WEIGHTS) not in arrays]
    saved = [c for c in graph.connections if c not in missing]
    if missing and not arrays:
        raise _missing_weights(missing[0])
    changes = [
        *_connectivity_changes(saved, arrays),
        *_neuron_changes(graph, arrays),
        *_synapse_changes(graph, facts, arrays),
        *decision_changes(graph, read_decisions(snapshot.info.get(DECISIONS), file)),
    ]
    if arrays:
        raise CheckpointError(
            f"Array '{key_text(next(iter(arrays)))}' belongs to nothing in the network."
        )
    for thing, name, value in changes:
        setattr(thing, name, value)
    warn_of_other_values(network_values(graph), facts.fixed_values)
    if missing:
        warnings.warn(
            f"load: {file or 'the checkpoint'} has no weights of "
            f"{', '.join(c.name for c in missing)}, which keep their own.",
            CheckpointWarning,
            stacklevel=stacklevel_of_user(),
        )


def _missing_weights(connection: Connection) -> CheckpointError:
    return CheckpointError(
        f"Array '{key_text((connection.name, WEIGHTS))}' is missing."
    )


def _facts(snapshot: Snapshot) -> NetworkFacts:
    """Returns what a snapshot says about its arrays; files of mlGeNN say nothing."""
    names = (NOT_IN_NETWORK, SYNAPSE_PARAMETERS, FIXED_VALUES)
    info = {name: snapshot.info[name] for name in names if name in snapshot.info}
    return record_of(NetworkFacts, info, "Checkpoint")


def check_arrays_fit(graph: Graph, snapshot: Snapshot) -> None:
    """Checks the arrays of connections before memory of their sizes is allocated.

    Args:
        graph: a network.
        snapshot: arrays of its connections, and others.

    Raises:
        CheckpointError: if an array is missing or does not fit.
    """
    _connectivity_changes(graph.connections, dict(snapshot.arrays))


def _connectivity_changes(
    connections: Sequence[Connection], arrays: dict[Key, np.ndarray]
) -> list[Change]:
    changes: list[Change] = []
    for connection in connections:
        own = _pop_arrays(arrays, connection.name, _SYNAPSE_ARRAYS)
        if WEIGHTS not in own:
            raise _missing_weights(connection)
        with_arrays = _naming(connection.name, connection.connectivity.with_arrays)
        changes.append(
            (connection, "connectivity", with_arrays(own, *connection.ends()))
        )
    return changes


def _neuron_changes(graph: Graph, arrays: dict[Key, np.ndarray]) -> list[Change]:
    changes: list[Change] = []
    for population in graph.populations:
        names = tuple(population.neuron.parameters())
        own = _pop_arrays(arrays, population.name, names)
        if own:
            neuron = _naming(population.name, with_parameters)(population.neuron, own)
            changes.append((population, "_neuron", neuron))
    return changes


def _synapse_changes(
    graph: Graph, facts: NetworkFacts, arrays: dict[Key, np.ndarray]
) -> list[Change]:
    connections = {c.name: c for c in graph.connections}
    parameters: dict[str, dict[str, np.ndarray]] = {}
    for owner, name, uses in facts.synapse_parameters:
        value = arrays.pop((owner, name), None)
        for connection, parameter in uses:
            if value is not None and connection in connections:
                parameters.setdefault(connection, {})[parameter] = value
    return [
        (
            connections[name],
            "synapse",
            _naming(name, with_parameters)(connections[name].synapse, values),
        )
        for name, values in parameters.items()
    ]


def _pop_arrays(
    arrays: dict[Key, np.ndarray], owner: str, names: tuple[str, ...]
) -> dict[str, np.ndarray]:
    """Removes the arrays of an owner and returns them by the names that users see."""
    keys = [k for k in arrays if k[0] == owner and user_name(k[1]) in names]
    return {user_name(key[1]): arrays.pop(key) for key in keys}


def _naming(owner: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a function whose errors name the owner of the arrays."""

    def call(*arguments: Any) -> Any:
        place = f"'{owner}'"
        with as_checkpoint_error(place):
            try:
                return function(*arguments)
            except CheckpointError as error:
                raise CheckpointError(f"{place}: {error}") from None

    return call


def with_parameters(model: Any, values: Mapping[str, np.ndarray]) -> Any:
    """Returns a copy of a neuron or synapse with other values of parameters.

    Args:
        model: a neuron or synapse.
        values: {parameter: value}; arrays without dimensions become floats.
    """
    plain = {n: float(v) if v.ndim == 0 else v for n, v in values.items()}
    if is_dataclass(model) and not isinstance(model, type):
        return replace(model, **plain)
    changed = copy(model)
    changed.param_vals = {**model.param_vals, **plain}
    return changed
