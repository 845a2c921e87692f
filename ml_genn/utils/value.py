"""Values that users give: a number, an array, an initializer or its name."""

from __future__ import annotations

import zlib
from typing import Any, TypeAlias

import numpy as np

from ml_genn.errors import ValidationError
from ml_genn.initializers import Initializer, default_initializers
from ml_genn.utils.checks import finite_array
from ml_genn.utils.module import get_object

InitValue: TypeAlias = Any  #: number, sequence, ndarray, Initializer or its name


def as_value(where: str, value: InitValue) -> float | np.ndarray | Initializer:
    """The value with names looked up and sequences turned into arrays."""
    if isinstance(value, str | Initializer):
        found = get_object(value, Initializer, where, default_initializers)
        if found is not None:
            return found
    array = finite_array(where, value)
    return float(array) if array.ndim == 0 else array


def generator(seed: int, *path: str) -> np.random.Generator:
    """Random numbers that belong to a seed and a place, whatever else is drawn."""
    words = [zlib.crc32(part.encode()) for part in path]
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, *words])))


def drawn(
    where: str, value: InitValue, shape: tuple[int, ...], rng: np.random.Generator
) -> float | np.ndarray:
    """A number, or an array of ``shape`` in row-major order.

    Raises:
        ValidationError: if an array does not have as many numbers as ``shape``.
    """
    value = as_value(where, value)
    if isinstance(value, Initializer):
        return finite_array(where, value.sample(rng, shape))
    if isinstance(value, float):
        return value
    if value.size != int(np.prod(shape)):
        raise ValidationError(
            f"{where}: expected a number or an array of shape {shape}. "
            f"Received an array of shape {value.shape}."
        )
    return value.reshape(shape)
