"""How a network was compiled, as plain data, and networks compiled from that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ml_genn.config.codec import FILE, CustomObjects, Decoder, Encoder
from ml_genn.connection import Connection
from ml_genn.errors import CheckpointError
from ml_genn.model.snapshot import Key, Snapshot
from ml_genn.network import Network
from ml_genn.population import Population
from ml_genn.sequential import InputLayer, Layer

if TYPE_CHECKING:
    from ml_genn.compiled.network import CompiledNetwork
    from ml_genn.compiled.saving import SavedNetwork

NETWORK, COMPILER, STATE = "network", "compiler", "state"


@dataclass(frozen=True, slots=True)
class CompileConfig:
    """How a network was compiled.

    Args:
        compiler: class of the compiler.
        arguments: what it was made with.
        compiled_with: what `compile` was given beside the network.
    """

    compiler: type
    arguments: Mapping[str, Any]
    compiled_with: Mapping[str, Any] = field(default_factory=dict)


def model_of(network: Network, info: Mapping[str, Any]) -> Snapshot:
    """A network as what a file holds."""
    arrays: dict[Key, np.ndarray] = {}
    return Snapshot(arrays, {NETWORK: network.to_config(arrays), **info})


def compiled_model(
    compiled: SavedNetwork,
    compile_config: CompileConfig | None,
    info: Mapping[str, Any],
) -> Snapshot:
    """A compiled network as what a file holds."""
    if compile_config is None:
        raise CheckpointError("save_model: it is not known how this was compiled.")
    plain = model_of(compiled.network, info)
    encoder = Encoder(
        dict(plain.arrays),
        {
            Population: lambda p: {"population": p.name},
            Connection: lambda c: {"connection": c.name},
            InputLayer: lambda layer: {"layer": str(layer)},
            Layer: lambda layer: {"layer": str(layer)},
        },
    )
    where = compile_config.compiler.__name__
    compiler = {
        "class": where,
        "arguments": {
            name: encoder.encode(value, f"{where}: {name}")
            for name, value in compile_config.arguments.items()
        },
        "compiled_with": encoder.encode(dict(compile_config.compiled_with), where),
    }
    state = compiled.snapshot()
    return Snapshot(
        {**(encoder.arrays or {}), **state.arrays},
        {**plain.info, COMPILER: compiler, STATE: dict(state.info)},
    )


def network_from(given: Snapshot, custom_objects: CustomObjects) -> Network:
    """The network of a file.

    Raises:
        CheckpointError: if the file holds none.
    """
    if NETWORK not in given.info:
        raise CheckpointError(
            "load_model: the file holds no network, but a checkpoint of one. Make the "
            "network and use its load, or that of the compiled network."
        )
    return Network.from_config(given.info[NETWORK], given.arrays, custom_objects)


def compiled_from(
    given: Snapshot,
    custom_objects: CustomObjects,
    compiler_class: Callable[[str], type],
) -> CompiledNetwork:
    """The compiled network of a file, as it was.

    Args:
        given: what the file holds.
        custom_objects: {name: class or function} of the user's own.
        compiler_class: looks a compiler up by its name.

    Raises:
        CheckpointError: if the file holds none.
    """
    network = network_from(given, custom_objects)
    populations = {p.name: p for p in network.populations}
    connections = {c.name: c for c in network.connections}
    layers = {str(layer): layer for layer in getattr(network, "layers", ())}
    decoder = Decoder(
        given.arrays,
        custom_objects,
        {
            "population": lambda name: populations[name],
            "connection": lambda name: connections[name],
            "layer": lambda name: layers[name],
        },
    )
    config = given.info[COMPILER]
    name = config["class"]
    kind = (custom_objects or {}).get(name) or compiler_class(name)
    arguments = {k: decoder.decode(v) for k, v in config["arguments"].items()}
    compiled: CompiledNetwork = kind(**arguments).compile(
        network, **decoder.decode(config["compiled_with"])
    )
    arrays = {key: a for key, a in given.arrays.items() if not _of_config(key)}
    compiled.restore(Snapshot(arrays, given.info[STATE]))
    return compiled


def _of_config(key: Key) -> bool:
    return key[0] == FILE and key[1].isdecimal()
