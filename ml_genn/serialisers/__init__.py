"""How arrays and whole checkpoints are written and read."""

from typing import Any

from ml_genn.serialisers.numpy import Numpy
from ml_genn.serialisers.safetensors import Safetensors
from ml_genn.serialisers.serialiser import Serialiser, arrays_at, as_keys
from ml_genn.utils.module import aliases, get_object

#: {name: class} of what may be asked for by name.
default_serialisers: dict[str, type[Serialiser]] = aliases(Numpy, Safetensors)


def get_serialiser(serialiser: Any) -> Serialiser:
    """A serialiser from an instance or its name.

    Raises:
        UnknownNameError, ValidationError: if it is none.
    """
    found = get_object(serialiser, Serialiser, "Serialiser", default_serialisers)
    return Numpy() if found is None else found


__all__ = [
    "Numpy",
    "Safetensors",
    "Serialiser",
    "arrays_at",
    "as_keys",
    "default_serialisers",
    "get_serialiser",
]
