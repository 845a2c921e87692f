"""Contents of a model file: a network, or a compiled network with its compiler."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import numpy as np

from ml_genn.backends.host.cores import available_cores
from ml_genn.compiled.configuration import MACHINE_ARGUMENTS, CompileConfig
from ml_genn.config.codec import ARRAYS_OWNER, CustomObjects, Decoder, Encoder
from ml_genn.config.records import CompilerRecord, ModelRecord
from ml_genn.connection import Connection
from ml_genn.errors import CheckpointError
from ml_genn.graph.decisions import DECISIONS
from ml_genn.model.snapshot import Key, Snapshot
from ml_genn.network import Network
from ml_genn.population import Population
from ml_genn.sequential import InputLayer, Layer
from ml_genn.utils.records import record_of

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
            if argument not in MACHINE_ARGUMENTS
        },
        "compiled_with": encoder.encode(dict(config.compile_arguments), name),
    }
    network_config = {**contents.info[NETWORK], DECISIONS: state.info[DECISIONS]}
    facts = {NETWORK: network_config, COMPILER: compiler, STATE: dict(state.info)}
    return Snapshot(
        {**(encoder.arrays or {}), **state.arrays}, {**contents.info, **facts}
    )


def model_record(contents: Snapshot) -> ModelRecord:
    """Returns the checked info of a file.

    Args:
        contents: contents of the file.

    Raises:
        CheckpointError: if the file holds no network, or its info has another form.
    """
    if NETWORK not in contents.info:
        raise CheckpointError(
            "load_model: the file holds no network, but a checkpoint of one. Make the "
            "network and use its load, or that of the compiled network."
        )
    # what ``save_model(**info)`` adds is the user's
    known = {field.name for field in fields(ModelRecord)}
    info = {k: value for k, value in contents.info.items() if k in known}
    return record_of(ModelRecord, info, "load_model")


def network_from(
    contents: Snapshot, custom_objects: CustomObjects, allow_code: bool
) -> Network:
    """Returns the network of a file.

    Args:
        contents: contents of the file.
        custom_objects: {name: class or function} of the user's own.
        allow_code: True if code strings are accepted.

    Raises:
        CheckpointError: if no network can be made of it.
    """
    config = contents.info[NETWORK]
    return Network.from_config(config, contents.arrays, custom_objects, allow_code)


def compile_config_from(
    record: CompilerRecord,
    compiler: type,
    network: Network,
    decoder: Decoder,
) -> CompileConfig:
    """Returns compiler and arguments of a file with a compiled network.

    Arguments that depend on the machine are left out, and there are no more threads
    than cores.

    Args:
        record: the compiler's data.
        compiler: its class.
        network: network of the file; arguments refer to its parts by name.
        decoder: decoder of the file.

    Raises:
        CheckpointError: if an argument cannot be read.
    """
    parts: dict[str, dict[str, Any]] = {
        "population": {p.name: p for p in network.populations},
        "connection": {c.name: c for c in network.connections},
        "layer": {str(layer): layer for layer in getattr(network, "layers", ())},
    }
    readers = {kind: named.__getitem__ for kind, named in parts.items()}
    reader = replace(decoder, readers=readers)
    arguments = {
        name: reader.decode(value, f"{record.class_}: {name}")
        for name, value in record.arguments.items()
        if name not in MACHINE_ARGUMENTS
    }
    threads = arguments.get("num_threads")
    if isinstance(threads, int):
        arguments["num_threads"] = min(threads, available_cores())
    place = f"{record.class_}: compile"
    return CompileConfig(
        compiler, arguments, reader.decode(record.compiled_with, place, dict)
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
