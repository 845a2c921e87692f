"""Addresses of arrays on the device."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def address(array: Any) -> int:
    """Returns the address of a CuPy array; 0 for None, an address as it is."""
    if isinstance(array, int):
        return array
    return 0 if array is None else int(array.data.ptr)


def address_table(arrays: Iterable[Any]) -> list[int]:
    """Returns the addresses of arrays, and 0, so that no table is empty."""
    return [*(address(array) for array in arrays), 0]
