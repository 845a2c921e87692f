"""Checks of arguments; each returns the checked value.

All raise `ValidationError` with a message of the form "<where> <rule>. Received
<value>.", where the argument ``where`` names the class and argument.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, cast

import numpy as np

from ml_genn.errors import ValidationError
from ml_genn.utils.copies import owned
from ml_genn.utils.files import in_utf8

REAL = (int, float, np.integer, np.floating)


def shown(value: Any, longest: int = 200) -> str:
    """Returns the representation of a value, cut to ``longest`` characters."""
    text = repr(value)
    return text if len(text) <= longest else f"{text[:longest]}..."


def number(where: str, value: Any) -> float:
    """Returns a finite number as a float."""
    real = isinstance(value, REAL) and not isinstance(value, bool)
    if not real or not math.isfinite(value):
        raise ValidationError(f"{where} is a finite number. Received {shown(value)}.")
    return float(value)


def positive(where: str, value: Any) -> float:
    """Returns a finite number above 0 as a float."""
    if number(where, value) <= 0:
        raise ValidationError(f"{where} is greater than 0. Received {value!r}.")
    return float(value)


def not_negative(where: str, value: Any) -> float:
    """Returns a finite number of at least 0 as a float."""
    if number(where, value) < 0:
        raise ValidationError(f"{where} is not negative. Received {value!r}.")
    return float(value)


def fraction(where: str, value: Any) -> float:
    """Returns a number of at least 0 and below 1 as a float."""
    if not 0 <= number(where, value) < 1:
        raise ValidationError(f"{where} is at least 0 and below 1. Received {value!r}.")
    return float(value)


def whole(where: str, value: Any, least: int = 1) -> int:
    """Returns a whole number of at least ``least`` as an int."""
    integral = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not integral or value < least:
        raise ValidationError(
            f"{where} is a whole number of at least {least}. Received {shown(value)}."
        )
    return int(value)


def flag(where: str, value: Any) -> bool:
    """Returns True or False as a bool."""
    if not isinstance(value, bool | np.bool_):
        raise ValidationError(f"{where} is True or False. Received {shown(value)}.")
    return bool(value)


def mapping(where: str, value: Any) -> dict[Any, Any]:
    """Returns a copy of a mapping and its arrays; an empty dictionary for None."""
    if value is not None and not isinstance(value, Mapping):
        raise ValidationError(f"{where} is a dictionary. Received {shown(value)}.")
    return {key: owned(item) for key, item in (value or {}).items()}


def sequence(where: str, value: Any) -> Any:
    """Returns a sequence or an array; text does not count as a sequence."""
    if not isinstance(value, Sequence | np.ndarray) or isinstance(value, str):
        raise ValidationError(
            f"{where} is a list, a tuple or an array. Received {shown(value)}."
        )
    return value


def text(where: str, value: Any) -> str:
    """Returns text."""
    if not isinstance(value, str):
        raise ValidationError(f"{where} is text. Received {shown(value)}.")
    return value


def function(where: str, value: Any) -> Callable[..., Any]:
    """Returns a callable."""
    if not callable(value):
        raise ValidationError(f"{where} is a function. Received {shown(value)}.")
    return cast(Callable[..., Any], value)


def file_path(where: str, value: Any) -> Path:
    """Returns the path of a file or folder; ``~`` is the user's folder."""
    if not isinstance(value, str | PathLike) or "\0" in str(value):
        raise ValidationError(f"{where} is a path. Received {shown(value)}.")
    try:
        return Path(in_utf8(str(Path(value).expanduser())))
    except (RuntimeError, TypeError, UnicodeError) as error:
        # no folder of that user; a path in bytes; half of a character
        raise ValidationError(f"{where}: {error}. Received {shown(value)}.") from None


def finite_array(where: str, value: Any) -> np.ndarray:
    """Returns an array of float64 whose values are finite in single precision."""
    array = real_array(where, value)
    with np.errstate(over="ignore"):
        wrong = ~np.isfinite(array.astype(np.float32))
    if np.any(wrong):
        raise ValidationError(
            f"{where} holds numbers that are not finite in single precision. "
            f"Received {array[wrong].flat[0]} ({np.sum(wrong)} of {array.size} are "
            "wrong)."
        )
    return array.astype(np.float64, copy=False)


def as_array(where: str, value: Any) -> np.ndarray:
    """Returns a value as an array, for example a tensor of another library."""
    try:
        return np.asarray(value)
    except (RuntimeError, TypeError, ValueError) as error:
        raise ValidationError(
            f"{where}: NumPy cannot make an array of what was given: {error}"
        ) from error


def real_array(where: str, value: Any) -> np.ndarray:
    """Returns an array of booleans, integers or floats; ragged lists are refused."""
    try:
        array = np.asarray(value)
    except ValueError:
        array = np.asarray(None)
    if array.dtype.kind not in "buif":
        raise ValidationError(
            f"{where} is a number or an array of numbers. Received {shown(value)}."
        )
    return array


def text_name(where: str, value: Any) -> str | None:
    """Returns a name that fits into a comment of generated code, or None for None."""
    if value is None:
        return None
    if not isinstance(value, str) or not value.isprintable() or "\\" in value:
        raise ValidationError(
            f"{where}: name is printable text without a backslash. "
            f"Received {shown(value)}."
        )
    return value


def free_name(name: str, names_in_use: Container[str]) -> str:
    """Returns the name, with ``_1``, ``_2``, ... appended if it is in use.

    Args:
        name: the preferred name.
        names_in_use: names in use.
    """
    candidate, k = name, 0
    while candidate in names_in_use:
        k += 1
        candidate = f"{name}_{k}"
    return candidate
