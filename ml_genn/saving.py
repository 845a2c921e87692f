"""Models in single files: networks, and compiled networks as they are."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from ml_genn import compilers
from ml_genn.compiled.configuration import (
    COMPILER,
    compiled_from,
    model_of,
    network_from,
)
from ml_genn.compilers import CompiledNetwork
from ml_genn.config.codec import CustomObjects
from ml_genn.errors import ValidationError
from ml_genn.network import Network
from ml_genn.serialisers.safetensors import read_file, write_file
from ml_genn.utils.checks import shown


def save_model(model: Network | CompiledNetwork, path: str | Path) -> None:
    """Saves a network, or a compiled network with all that it has learned.

    Args:
        model: what is saved.
        path: a file in the safetensors format, which is replaced as a whole.

    Raises:
        UnsupportedError: if something cannot be saved, or the library safetensors is
            missing.
    """
    if isinstance(model, CompiledNetwork):
        model.save_model(path)
    elif isinstance(model, Network):
        write_file(Path(path), model_of(model, {}))
    else:
        raise ValidationError(
            "save_model: expected a Network or a compiled network. "
            f"Received {shown(model)}."
        )


def load_model(path: str | Path, custom_objects: CustomObjects = None) -> Any:
    """What `save_model` saved: a network, or a compiled network that goes on.

    Args:
        path: the file.
        custom_objects: {name: class or function} of the user's own that it mentions;
            none by default.

    Raises:
        CheckpointError: if it is missing, damaged, or holds something else.
    """
    found = read_file(Path(path))
    if COMPILER not in found.info:
        return network_from(found, custom_objects)
    return compiled_from(found, custom_objects, partial(getattr, compilers))
