"""Networks as plain data, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ml_genn.config.codec import CustomObjects, Decoder, Encoder
from ml_genn.errors import CheckpointError
from ml_genn.graph.graph import Connection, Graph, Population
from ml_genn.model.snapshot import Key

FORMAT = 1


def graph_config(
    network: Graph, arrays: dict[Key, np.ndarray] | None
) -> dict[str, Any]:
    """A network as plain data."""
    encoder = Encoder(arrays)
    return {
        "format": FORMAT,
        "default_params": encoder.encode(network.default_params, "default_params"),
        "populations": [_population(p, encoder) for p in network.populations],
        "connections": [_connection(c, encoder) for c in network.connections],
    }


def _population(population: Population, encoder: Encoder) -> dict[str, Any]:
    return {
        "name": population.name,
        "neuron": encoder.encode(
            population.neuron, f"Population '{population.name}': neuron"
        ),
        "shape": None if population.shape is None else list(population.shape),
        "record_spikes": bool(population.record_spikes),
        "record_spike_events": bool(population.record_spike_events),
    }


def _connection(connection: Connection, encoder: Encoder) -> dict[str, Any]:
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
    make: Any,
    config: Mapping[str, Any],
    arrays: Mapping[Key, np.ndarray] | None,
    custom_objects: CustomObjects,
) -> Any:
    """A network from plain data.

    Args:
        make: called with default_params; gives an empty network.
        config: what `graph_config` wrote.
        arrays: arrays that it names.
        custom_objects: {name: class or function} of the user's own.

    Raises:
        CheckpointError: if it is none, or from a later version.
    """
    decoder = Decoder(arrays or {}, custom_objects)
    try:
        if config["format"] != FORMAT:
            raise CheckpointError(
                f"Config of a network: it has format {config['format']}; this version "
                f"of ml_genn reads format {FORMAT}."
            )
        network = make(decoder.decode(config["default_params"]))
        with network:
            populations = {
                p["name"]: _made_population(p, decoder) for p in config["populations"]
            }
            for connection in config["connections"]:
                _make_connection(connection, populations, decoder)
    except (KeyError, TypeError, AttributeError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(
            f"Config of a network: it cannot be read ({type(error).__name__}: {error})."
        ) from error
    return network


def _made_population(config: Mapping[str, Any], decoder: Decoder) -> Population:
    return Population(
        decoder.decode(config["neuron"]),
        config["shape"],
        config["record_spikes"],
        config["record_spike_events"],
        name=config["name"],
    )


def _make_connection(
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
