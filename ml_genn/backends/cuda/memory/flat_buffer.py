"""Several arrays in one buffer, which is summed or copied as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ml_genn.backends.cuda.memory.addresses import address

FLOAT_BYTES = np.dtype(np.float32).itemsize


class FlatBuffer:
    """Buffer on the device with several arrays of floats, one after the other.

    Args:
        cupy: module.
        sizes: size of each array.

    Attributes:
        array: the buffer; it has at least one element.
    """

    def __init__(self, cupy: Any, sizes: Sequence[int]) -> None:
        self.sizes = tuple(sizes)
        self.array = cupy.zeros(max(sum(sizes), 1), dtype=np.float32)
        self._starts = np.cumsum([0, *sizes])

    def address_table(self) -> list[int]:
        """Returns the address of each array, and 0, so that no table is empty."""
        base = address(self.array)
        return [*(base + FLOAT_BYTES * int(k) for k in self._starts[:-1]), 0]

    def get(self) -> list[np.ndarray]:
        """Returns copies of the arrays on the host."""
        return np.split(self.array.get()[: self._starts[-1]], self._starts[1:-1])
