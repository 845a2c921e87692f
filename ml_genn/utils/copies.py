"""Copies of arguments, so that callers may change what they passed."""

from __future__ import annotations

from contextlib import suppress
from copy import copy
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")


def owned(value: Any) -> Any:
    """Returns a copy of an array, list, tuple or dictionary, and of those in it.

    Tensors and other objects that NumPy can read become arrays; masks stay. Everything
    else, numbers and initializers for example, is returned as it is.

    Args:
        value: argument of a constructor.
    """
    if isinstance(value, dict):
        return {key: owned(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(owned(item) for item in value)
    if isinstance(value, np.ma.MaskedArray):
        return value.copy()
    if hasattr(value, "__array__") and not isinstance(value, np.generic):
        with suppress(Exception):  # of a tensor with a gradient: its use is refused
            return np.array(value)
    return value


def independent_copy(obj: T) -> T:
    """Returns a copy of an object that has its own lists, dictionaries and arrays.

    Other objects that it refers to, networks for example, are those of the original.

    Args:
        obj: a metric, callback, optimiser or loss.
    """
    other = copy(obj)
    for name, value in getattr(other, "__dict__", {}).items():
        if isinstance(value, list | dict | set | np.ndarray):
            # frozen dataclasses refuse setattr
            object.__setattr__(other, name, copy(value))
    return other
