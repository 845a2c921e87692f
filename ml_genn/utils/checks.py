"""Checks of arguments, with messages that say what was received."""

from __future__ import annotations

from typing import Any

import numpy as np

from ml_genn.errors import ValidationError


def number(where: str, value: Any) -> float:
    """A finite number."""
    if (
        isinstance(value, bool | np.bool_)
        or not np.isscalar(value)
        or not np.isreal(value)
        or isinstance(value, str)
        or not np.isfinite(value)
    ):
        raise ValidationError(f"{where} is a finite number. Received {value!r}.")
    return float(value)


def positive(where: str, value: Any) -> float:
    """A finite number above zero."""
    if number(where, value) <= 0:
        raise ValidationError(f"{where} is greater than 0. Received {value!r}.")
    return float(value)


def whole(where: str, value: Any, least: int = 1) -> int:
    """A whole number of at least ``least``."""
    integral = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not integral or value < least:
        raise ValidationError(
            f"{where} is a whole number of at least {least}. Received {value!r}."
        )
    return int(value)


def finite_array(where: str, value: Any) -> np.ndarray:
    """An array of finite numbers."""
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValidationError(
            f"{where} is a number or an array of numbers. Received {value!r}."
        ) from None
    if not np.all(np.isfinite(array)):
        raise ValidationError(f"{where} holds numbers that are not finite.")
    return array
