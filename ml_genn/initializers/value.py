"""Values that users give: a number, an array, an initializer or its name."""

from __future__ import annotations

import zlib
from typing import Any, TypeAlias

import numpy as np

from ml_genn.errors import ValidationError, unknown_name
from ml_genn.initializers import Initializer, default_initializers
from ml_genn.utils.checks import finite_array

InitValue: TypeAlias = Any  #: number, sequence, ndarray, Initializer or its name


def as_value(where: str, value: InitValue) -> float | np.ndarray | Initializer:
    """The value with names looked up and sequences turned into arrays.

    Raises:
        UnknownNameError: if no initializer has that name.
        ValidationError: if it is no number, array or initializer.
    """
    if isinstance(value, Initializer):
        return value
    if isinstance(value, str):
        if value not in default_initializers:
            raise unknown_name("initializer", value, default_initializers, where=where)
        return default_initializers[value]()
    if isinstance(value, type) and issubclass(value, Initializer):
        raise ValidationError(
            f"{where} is a number, an array or an initializer. Received the class "
            f"{value.__name__}. Did you mean {value.__name__}()?"
        )
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
        ValidationError: if an array has neither that shape nor, flat, as many numbers.
    """
    known = as_value(where, value)
    if isinstance(known, Initializer):
        return finite_array(where, known.sample(rng, shape))
    if isinstance(known, float):
        return known
    flat = (int(np.prod(shape)),)
    if known.shape not in (shape, flat):
        raise ValidationError(
            f"{where}: expected a number or an array of shape {shape}. "
            f"Received an array of shape {known.shape}."
        )
    return known.reshape(shape)
