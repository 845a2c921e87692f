"""Checks of arguments of functions that prepare data."""

from __future__ import annotations

import math
from operator import index
from typing import Any

import numpy as np
import numpy.typing as npt

from ml_genn.errors import ValidationError


def as_count(value: object, name: str, where: str) -> int:
    """Returns a whole number of at least 1 as an int."""
    try:
        count = index(value)  # type: ignore[arg-type]
    except TypeError:
        count = 0
    if isinstance(value, bool | np.bool_) or count < 1:
        raise ValidationError(
            f"{where}: {name} must be a whole number of at least 1. Got {value!r}."
        )
    return count


def as_number(value: object, name: str, where: str) -> float:
    """Returns a finite number as a float."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = math.nan
    if isinstance(value, str) or not math.isfinite(number):
        raise ValidationError(
            f"{where}: {name} must be a finite number. Got {value!r}."
        )
    return number


def as_positive(value: object, name: str, where: str) -> float:
    """Returns a finite number above 0 as a float."""
    number = as_number(value, name, where)
    if number <= 0.0:
        raise ValidationError(f"{where}: {name} must be above 0. Got {value!r}.")
    return number


def as_real_array(value: npt.ArrayLike, name: str, where: str) -> npt.NDArray[Any]:
    """Returns an array of booleans, integers or floats."""
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValidationError(
            f"{where}: {name} must be a rectangular array of numbers. "
            f"NumPy says: {error}"
        ) from error
    if array.dtype.kind not in "buif":
        raise ValidationError(
            f"{where}: {name} must hold real numbers. Got an array of type "
            f"{array.dtype}."
        )
    return array


def as_whole_numbers(
    value: npt.ArrayLike, name: str, where: str
) -> npt.NDArray[np.int64]:
    """Returns a 1-D array of integers; whole numbers of type float are converted."""
    array = as_real_array(value, name, where)
    if array.ndim != 1:
        raise ValidationError(
            f"{where}: {name} must be 1-D. Got an array of shape {array.shape}."
        )
    if array.dtype.kind == "f":
        whole = (np.abs(array) < 2.0**63) & (array == np.trunc(array))
        wrong = np.flatnonzero(~whole)
        if wrong.size:
            raise ValidationError(
                f"{where}: {name} must be integers. Got {array[wrong[0]]} at index "
                f"{wrong[0]}."
            )
    return array.astype(np.int64)


def check_range(
    values: npt.NDArray[np.int64], stop: int, name: str, where: str, fix: str
) -> None:
    """Raises ValidationError if an integer is outside 0 to ``stop - 1``.

    Args:
        values: the integers.
        stop: number above the largest allowed one.
        name: subject of the error message.
        where: start of the error message.
        fix: end of the error message: what the user can do.
    """
    if values.size == 0 or (values.min() >= 0 and values.max() < stop):
        return
    wrong = np.flatnonzero((values < 0) | (values >= stop))
    raise ValidationError(
        f"{where}: {name} must lie in 0 to {stop - 1}. Got {values[wrong[0]]} at "
        f"index {wrong[0]} ({wrong.size} of {values.size} are outside). {fix}"
    )
