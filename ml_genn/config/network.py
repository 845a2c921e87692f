"""Networks as plain data, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np

from ml_genn.config.codec import CustomObjects, Decoder, Encoder
from ml_genn.errors import CheckpointError
from ml_genn.graph.decisions import (
    DECISIONS,
    decision_changes,
    decisions_in,
    read_decisions,
)
from ml_genn.graph.graph import Connection, Graph, Population
from ml_genn.model.snapshot import Key

FORMAT = 1  #: version of the format

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
) -> G:
    """Returns the network that plain data describe.

    Args:
        cls: class of the network; its argument is ``default_params``.
        config: result of `graph_config`.
        arrays: arrays to which the data refer.
        custom_objects: {name: class or function} of the user's own.

    Raises:
        CheckpointError: if the data have another form or another version.
    """
    decoder = Decoder(arrays or {}, custom_objects)
    try:
        if config["format"] != FORMAT:
            raise CheckpointError(
                f"Config of a network: it has format {config['format']}; this version "
                f"of ml_genn reads format {FORMAT}."
            )
        graph = cls(decoder.decode(config["default_params"]))
        with graph:
            populations = {
                p["name"]: _build_population(p, decoder) for p in config["populations"]
            }
            for connection in config["connections"]:
                _build_connection(connection, populations, decoder)
        loaded = read_decisions(config.get(DECISIONS))
        for owner, name, value in decision_changes(graph, loaded):
            setattr(owner, name, value)
    except (KeyError, TypeError, AttributeError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(
            f"Config of a network: it cannot be read ({type(error).__name__}: {error})."
        ) from error
    return graph


def _build_population(config: Mapping[str, Any], decoder: Decoder) -> Population:
    return Population(
        decoder.decode(config["neuron"]),
        config["shape"],
        config["record_spikes"],
        config["record_spike_events"],
        name=config["name"],
    )


def _build_connection(
    config: Mapping[str, Any], populations: Mapping[str, Population], decoder: Decoder
) -> None:
    Connection(
        populations[config["source"]],
        populations[config["target"]],
        decoder.decode(config["connectivity"]),
        decoder.decode(config["synapse"]),
        name=config["name"],
        max_delay_steps=config["max_delay_steps"],
    )
