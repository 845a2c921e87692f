"""Model files: a network, or a compiled network, in a single file."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from ml_genn import compilers
from ml_genn.compiled.checkpoint.model_file import (
    compile_config_from,
    is_compiled,
    network_contents,
    network_from,
    state_from,
)
from ml_genn.compiled.network import CompiledNetwork
from ml_genn.config.codec import CustomObjects
from ml_genn.errors import ValidationError
from ml_genn.network import Network
from ml_genn.serialisers.safetensors import read_file, write_file
from ml_genn.utils.checks import file_path, shown


def save_model(model: Network | CompiledNetwork, path: str | Path) -> None:
    """Saves a network, or a compiled network with its state and compiler.

    Args:
        model: network or compiled network.
        path: file in the safetensors format, which is replaced as a whole.

    Raises:
        UnsupportedError: if something cannot be saved, or the library safetensors is
            missing.
    """
    if isinstance(model, CompiledNetwork):
        model.save_model(path)
    elif isinstance(model, Network):
        write_file(file_path("save_model: path", path), network_contents(model, {}))
    else:
        raise ValidationError(
            "save_model: expected a Network or a compiled network. "
            f"Received {shown(model)}."
        )


def load_model(path: str | Path, custom_objects: CustomObjects = None) -> Any:
    """Returns the network or compiled network that `save_model` saved.

    A compiled network is compiled again, and continues from its saved state.

    Args:
        path: the file.
        custom_objects: {name: class or function} of the user's own that the file
            names; none by default.

    Raises:
        CheckpointError: if the file is missing or damaged, or holds something else.
    """
    contents = read_file(file_path("load_model: path", path))
    network = network_from(contents, custom_objects)
    if not is_compiled(contents):
        return network
    config = compile_config_from(
        contents, network, custom_objects, partial(getattr, compilers)
    )
    compiler = config.compiler(**config.arguments)
    compiled = compiler.compile(network, **config.compile_arguments)
    compiled.restore(state_from(contents))
    return compiled
