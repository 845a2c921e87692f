"""Serialisers: formats in which arrays and whole snapshots are stored."""

from typing import Any

from ml_genn.serialisers.numpy import Numpy
from ml_genn.serialisers.safetensors import Safetensors
from ml_genn.serialisers.serialiser import Serialiser, as_keys, load_snapshot
from ml_genn.utils.module import aliases, get_object

#: {name: class} of serialisers that can be passed by name
default_serialisers: dict[str, type[Serialiser]] = aliases(Numpy, Safetensors)


def get_serialiser(serialiser: Any) -> Serialiser:
    """Returns a serialiser for an instance or a name; `Numpy` for None.

    Args:
        serialiser: a serialiser, its name or None.

    Raises:
        UnknownNameError: if there is no serialiser of that name.
        ValidationError: if it is neither a serialiser nor a name.
    """
    instance = get_object(serialiser, Serialiser, "Serialiser", default_serialisers)
    return Numpy() if instance is None else instance


__all__ = [
    "Numpy",
    "Safetensors",
    "Serialiser",
    "as_keys",
    "default_serialisers",
    "get_serialiser",
    "load_snapshot",
]
