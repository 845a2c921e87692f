"""Values of weights, delays, parameters and initial states, as users write them."""

from __future__ import annotations

import numbers
import zlib
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from ml_genn.errors import ValidationError
from ml_genn.initializers import Initializer, default_initializers
from ml_genn.utils.checks import finite_array
from ml_genn.utils.synonyms import object_name

InitValue: TypeAlias = Any  #: number, sequence, ndarray, Initializer or its name


def as_value(where: str, value: InitValue) -> float | np.ndarray | Initializer:
    """Returns a value with a name looked up, or an array of its own for a sequence.

    Args:
        where: start of error messages.
        value: a number, sequence, array, initializer or its name.

    Raises:
        UnknownNameError: if no initializer has that name.
        ValidationError: if it is no number, array or initializer.
    """
    if isinstance(value, Initializer):
        return value
    if isinstance(value, str):
        name = object_name("initializer", value, default_initializers, where=where)
        return default_initializers[name]()
    if isinstance(value, type) and issubclass(value, Initializer):
        raise ValidationError(
            f"{where} is a number, an array or an initializer. Received the class "
            f"{value.__name__}. Did you mean {value.__name__}()?"
        )
    if isinstance(value, bool | np.bool_):
        raise ValidationError(
            f"{where} is a number, an array or an initializer. Received {value}."
        )
    array = finite_array(where, value)
    return float(array) if array.ndim == 0 else array.copy()


def is_value_constant(value: InitValue) -> bool:
    """True if a value is one number for all neurons or synapses."""
    return isinstance(value, numbers.Number) or (
        isinstance(value, np.ndarray) and value.ndim == 0
    )


def is_value_array(value: InitValue) -> bool:
    """True if a value is an array or sequence of numbers."""
    is_sequence = isinstance(value, Sequence) and not isinstance(value, str)
    return is_sequence or (isinstance(value, np.ndarray) and value.ndim > 0)


def is_value_initializer(value: InitValue) -> bool:
    """True if a value is an initializer or the name of one."""
    return isinstance(value, str | Initializer)


def random_generator(seed: int, *path: str) -> np.random.Generator:
    """Returns a generator whose numbers depend on a seed and a path of names only.

    What is drawn for one array of a network thus does not change that of another.

    Args:
        seed: seed of the network.
        *path: names that identify the array, for example population and parameter.
    """
    words = [zlib.crc32(part.encode()) for part in path]
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, *words])))


def sample_value(
    where: str, value: InitValue, shape: tuple[int, ...], rng: np.random.Generator
) -> float | np.ndarray:
    """Returns a number, or an array of ``shape`` in row-major order.

    Args:
        where: start of error messages.
        value: a number, sequence, array, initializer or its name.
        shape: shape of the array.
        rng: generator from which an initializer draws.

    Raises:
        ValidationError: if an array has neither that shape nor, flat, as many numbers.
    """
    checked = as_value(where, value)
    if isinstance(checked, Initializer):
        return finite_array(where, checked.sample(rng, shape))
    if isinstance(checked, float):
        return checked
    flat = (int(np.prod(shape)),)
    if checked.shape not in (shape, flat):
        raise ValidationError(
            f"{where}: expected a number or an array of shape {shape}. "
            f"Received an array of shape {checked.shape}."
        )
    return checked.reshape(shape)
