"""Checks of arguments, with messages that say what was received."""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, cast

import numpy as np

from ml_genn.errors import ValidationError

REAL = (int, float, np.integer, np.floating)


def shown(value: Any, longest: int = 200) -> str:
    """What was received, cut short."""
    text = repr(value)
    return text if len(text) <= longest else f"{text[:longest]}..."


def number(where: str, value: Any) -> float:
    """A finite number."""
    real = isinstance(value, REAL) and not isinstance(value, bool)
    if not real or not math.isfinite(value):
        raise ValidationError(f"{where} is a finite number. Received {shown(value)}.")
    return float(value)


def positive(where: str, value: Any) -> float:
    """A finite number above zero."""
    if number(where, value) <= 0:
        raise ValidationError(f"{where} is greater than 0. Received {value!r}.")
    return float(value)


def not_negative(where: str, value: Any) -> float:
    """A finite number of at least zero."""
    if number(where, value) < 0:
        raise ValidationError(f"{where} is not negative. Received {value!r}.")
    return float(value)


def share(where: str, value: Any) -> float:
    """A number of at least zero and below one."""
    if not 0 <= number(where, value) < 1:
        raise ValidationError(f"{where} is at least 0 and below 1. Received {value!r}.")
    return float(value)


def whole(where: str, value: Any, least: int = 1) -> int:
    """A whole number of at least ``least``."""
    integral = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not integral or value < least:
        raise ValidationError(
            f"{where} is a whole number of at least {least}. Received {shown(value)}."
        )
    return int(value)


def flag(where: str, value: Any) -> bool:
    """True or False."""
    if not isinstance(value, bool | np.bool_):
        raise ValidationError(f"{where} is True or False. Received {shown(value)}.")
    return bool(value)


def mapping(where: str, value: Any) -> dict[Any, Any]:
    """A dictionary; an empty one for None."""
    if value is not None and not isinstance(value, Mapping):
        raise ValidationError(f"{where} is a dictionary. Received {shown(value)}.")
    return dict(value or {})


def sequence(where: str, value: Any) -> Any:
    """Several things in order; text is not meant."""
    if not isinstance(value, Sequence | np.ndarray) or isinstance(value, str):
        raise ValidationError(
            f"{where} is a list, a tuple or an array. Received {shown(value)}."
        )
    return value


def text(where: str, value: Any) -> str:
    """Text."""
    if not isinstance(value, str):
        raise ValidationError(f"{where} is text. Received {shown(value)}.")
    return value


def function(where: str, value: Any) -> Callable[..., Any]:
    """Something that can be called."""
    if not callable(value):
        raise ValidationError(f"{where} is a function. Received {shown(value)}.")
    return cast(Callable[..., Any], value)


def file_path(where: str, value: Any) -> Path:
    """The path of a file or folder."""
    if not isinstance(value, str | PathLike):
        raise ValidationError(f"{where} is a path. Received {shown(value)}.")
    return Path(value)


def finite_array(where: str, value: Any) -> np.ndarray:
    """An array of numbers that are finite in single precision."""
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
    """An array of anything; refuses what NumPy cannot read, as some tensors."""
    try:
        return np.asarray(value)
    except (RuntimeError, TypeError, ValueError) as error:
        raise ValidationError(
            f"{where}: NumPy cannot make an array of what was given: {error}"
        ) from error


def real_array(where: str, value: Any) -> np.ndarray:
    """An array of real numbers; refuses ragged lists, text and objects."""
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
    """A name that can be printed and put into comments of generated code; or None."""
    if value is None:
        return None
    if not isinstance(value, str) or not value.isprintable() or "\\" in value:
        raise ValidationError(
            f"{where}: name is printable text without a backslash. "
            f"Received {shown(value)}."
        )
    return value


def free_name(name: str, taken: Container[str]) -> str:
    """The name, or with ``_1``, ``_2``, ... the first one that is not taken."""
    candidate, k = name, 0
    while candidate in taken:
        k += 1
        candidate = f"{name}_{k}"
    return candidate
