"""Contents of a model file: a network, or a compiled network with its compiler."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ml_genn.compiled.configuration import CompileConfig
from ml_genn.config.codec import ARRAYS_OWNER, CustomObjects, Decoder, Encoder
from ml_genn.connection import Connection
from ml_genn.errors import CheckpointError
from ml_genn.graph.decisions import DECISIONS
from ml_genn.model.snapshot import Key, Snapshot
from ml_genn.network import Network
from ml_genn.population import Population
from ml_genn.sequential import InputLayer, Layer

#: keys of the facts in a model file
NETWORK, COMPILER, STATE = "network", "compiler", "state"


def network_contents(network: Network, info: Mapping[str, Any]) -> Snapshot:
    """Returns the contents of a file with a network.

    Args:
        network: the network.
        info: further facts, as JSON.
    """
    arrays: dict[Key, np.ndarray] = {}
    return Snapshot(arrays, {NETWORK: network.to_config(arrays), **info})


def compiled_contents(
    network: Network,
    config: CompileConfig | None,
    state: Snapshot,
    info: Mapping[str, Any],
) -> Snapshot:
    """Returns the contents of a file with a compiled network.

    Args:
        network: the network.
        config: compiler and arguments.
        state: snapshot of the compiled network.
        info: further facts, as JSON.

    Raises:
        CheckpointError: if ``config`` is None.
        UnsupportedError: if an argument cannot be saved, such as a lambda.
    """
    if config is None:
        raise CheckpointError(
            "save_model: the arguments of the compiler are not known. Pass "
            "Compiler.runtime_config(...) to the compiled network."
        )
    contents = network_contents(network, info)
    encoder = Encoder(
        dict(contents.arrays),
        {
            Population: lambda p: {"population": p.name},
            Connection: lambda c: {"connection": c.name},
            InputLayer: lambda layer: {"layer": str(layer)},
            Layer: lambda layer: {"layer": str(layer)},
        },
    )
    name = config.compiler.__name__
    compiler = {
        "class": name,
        "arguments": {
            argument: encoder.encode(value, f"{name}: {argument}")
            for argument, value in config.arguments.items()
        },
        "compiled_with": encoder.encode(dict(config.compile_arguments), name),
    }
    network_config = {**contents.info[NETWORK], DECISIONS: state.info[DECISIONS]}
    facts = {NETWORK: network_config, COMPILER: compiler, STATE: dict(state.info)}
    return Snapshot(
        {**(encoder.arrays or {}), **state.arrays}, {**contents.info, **facts}
    )


def is_compiled(contents: Snapshot) -> bool:
    """True if a file holds a compiled network."""
    return COMPILER in contents.info


def network_from(contents: Snapshot, custom_objects: CustomObjects) -> Network:
    """Returns the network of a file.

    Args:
        contents: contents of the file.
        custom_objects: {name: class or function} of the user's own.

    Raises:
        CheckpointError: if the file holds no network.
    """
    if NETWORK not in contents.info:
        raise CheckpointError(
            "load_model: the file holds no network, but a checkpoint of one. Make the "
            "network and use its load, or that of the compiled network."
        )
    config = contents.info[NETWORK]
    return Network.from_config(config, contents.arrays, custom_objects)


def compile_config_from(
    contents: Snapshot,
    network: Network,
    custom_objects: CustomObjects,
    find_compiler: Callable[[str], type],
) -> CompileConfig:
    """Returns compiler and arguments of a file with a compiled network.

    Args:
        contents: contents of the file.
        network: network of the file; arguments refer to its parts by name.
        custom_objects: {name: class or function} of the user's own.
        find_compiler: returns the compiler class of a name.
    """
    populations = {p.name: p for p in network.populations}
    connections = {c.name: c for c in network.connections}
    layers = {str(layer): layer for layer in getattr(network, "layers", ())}
    decoder = Decoder(
        contents.arrays,
        custom_objects,
        {
            "population": lambda name: populations[name],
            "connection": lambda name: connections[name],
            "layer": lambda name: layers[name],
        },
    )
    config = contents.info[COMPILER]
    name = config["class"]
    return CompileConfig(
        (custom_objects or {}).get(name) or find_compiler(name),
        {k: decoder.decode(value) for k, value in config["arguments"].items()},
        decoder.decode(config["compiled_with"]),
    )


def state_from(contents: Snapshot) -> Snapshot:
    """Returns the snapshot of the compiled network of a file."""
    arrays = {
        key: array
        for key, array in contents.arrays.items()
        if not _is_config_array(key)
    }
    return Snapshot(arrays, contents.info[STATE])


def _is_config_array(key: Key) -> bool:
    """True for arrays that belong to arguments; the encoder numbers them."""
    return key[0] == ARRAYS_OWNER and key[1].isdecimal()
