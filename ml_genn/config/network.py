"""Networks as plain data, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from ml_genn.config.codec import CustomObjects, Decoder, Encoder
from ml_genn.config.records import (
    FORMAT,
    ConnectionRecord,
    NetworkRecord,
    PopulationRecord,
)
from ml_genn.connectivity import Connectivity
from ml_genn.errors import CheckpointError
from ml_genn.graph.decisions import (
    DECISIONS,
    decision_changes,
    decisions_in,
    read_decisions,
)
from ml_genn.graph.graph import Connection, Graph, Population
from ml_genn.model.snapshot import Key
from ml_genn.neurons import Neuron
from ml_genn.synapses import Synapse
from ml_genn.utils.records import (
    as_checkpoint_error,
    check_plain,
    record_of,
    shortened,
)

_WHERE = "Config of a network"  #: start of error messages

G = TypeVar("G", bound=Graph)


def graph_config(graph: Graph, arrays: dict[Key, np.ndarray] | None) -> dict[str, Any]:
    """Returns populations and connections as plain data.

    Args:
        graph: a network.
        arrays: collects arrays, as for `Encoder`.
    """
    encoder = Encoder(arrays)
    return {
        "format": FORMAT,
        "default_params": encoder.encode(graph.default_params, "default_params"),
        "populations": [_population_config(p, encoder) for p in graph.populations],
        "connections": [_connection_config(c, encoder) for c in graph.connections],
        DECISIONS: decisions_in(graph).to_json(),
    }


def _population_config(population: Population, encoder: Encoder) -> dict[str, Any]:
    return {
        "name": population.name,
        "neuron": encoder.encode(
            population.neuron, f"Population '{population.name}': neuron"
        ),
        "shape": None if population.shape is None else list(population.shape),
        "record_spikes": bool(population.record_spikes),
        "record_spike_events": bool(population.record_spike_events),
    }


def _connection_config(connection: Connection, encoder: Encoder) -> dict[str, Any]:
    where = f"Connection '{connection.name}'"
    source, target = connection.ends()
    return {
        "name": connection.name,
        "source": source.name,
        "target": target.name,
        "connectivity": encoder.encode(
            connection.connectivity, f"{where}: connectivity"
        ),
        "synapse": encoder.encode(connection.synapse, f"{where}: synapse"),
        "max_delay_steps": encoder.encode(connection.max_delay_steps, where),
    }


def build_graph(
    cls: Callable[[Any], G],
    config: Mapping[str, Any],
    arrays: Mapping[Key, np.ndarray] | None,
    custom_objects: CustomObjects,
    allow_code: bool = False,
) -> G:
    """Returns the network that plain data describe.

    Args:
        cls: class of the network; its argument is ``default_params``.
        config: result of `graph_config`.
        arrays: arrays to which the data refer.
        custom_objects: {name: class or function} of the user's own.
        allow_code: True if code strings are accepted; False by default.

    Raises:
        CheckpointError: if the data have another form or another version, or contain
            code strings that are not allowed.
    """
    check_plain(config, _WHERE)
    _check_format(config)
    record = record_of(NetworkRecord, config, _WHERE)
    decoder = Decoder(arrays or {}, custom_objects, allow_code=allow_code)
    place = f"{_WHERE}: default_params"
    default_params = decoder.decode(record.default_params, place)
    with as_checkpoint_error(place):
        graph = cls(default_params)
    with graph:
        for population in record.populations:
            _build_population(population, decoder)
        _check_names("population", graph.populations, record.populations)
        populations = {p.name: p for p in graph.populations}
        for connection in record.connections:
            _build_connection(connection, populations, decoder)
        _check_names("connection", graph.connections, record.connections)
    with as_checkpoint_error(f"{_WHERE}: {DECISIONS}"):
        for owner, name, value in decision_changes(
            graph, read_decisions(record.decisions)
        ):
            setattr(owner, name, value)
    return graph


def _check_format(config: Mapping[str, Any]) -> None:
    version = config.get("format")
    if isinstance(version, int) and version != FORMAT:
        raise CheckpointError(
            f"{_WHERE}: it has format {shortened(version)}; this version of ml_genn "
            f"reads format {FORMAT}."
        )


def _check_names(kind: str, parts: Sequence[Any], records: Sequence[Any]) -> None:
    """Raises CheckpointError if a name is empty or used twice."""
    for part, record in zip(parts, records, strict=True):
        if part.name != record.name:
            raise CheckpointError(
                f"{_WHERE}: name '{record.name}' of a {kind} is empty or used twice."
            )


def _build_population(record: PopulationRecord, decoder: Decoder) -> None:
    place = f"Population '{record.name}'"
    neuron = decoder.decode(record.neuron, f"{place}: neuron", Neuron)
    with as_checkpoint_error(place):
        Population(
            neuron,
            record.shape,
            record.record_spikes,
            record.record_spike_events,
            name=record.name,
        )


def _build_connection(
    record: ConnectionRecord, populations: Mapping[str, Population], decoder: Decoder
) -> None:
    place = f"Connection '{record.name}'"
    for end in ("source", "target"):
        name = getattr(record, end)
        if name not in populations:
            raise CheckpointError(f"{place}: {end}: there is no population '{name}'.")
    connectivity = decoder.decode(
        record.connectivity, f"{place}: connectivity", Connectivity
    )
    synapse = decoder.decode(record.synapse, f"{place}: synapse", Synapse)
    with as_checkpoint_error(place):
        Connection(
            populations[record.source],
            populations[record.target],
            connectivity,
            synapse,
            name=record.name,
            max_delay_steps=record.max_delay_steps,
        )
