"""Arrays that lie one after the other, so that they can be summed or copied as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ml_genn.backends.cuda.launch.kernel_args import address


class Flat:
    """Numbers of several owners, in one array of the device.

    Args:
        cupy: the module.
        sizes: how many each has.
    """

    def __init__(self, cupy: Any, sizes: Sequence[int]) -> None:
        self.sizes = tuple(sizes)
        self.array = cupy.zeros(max(sum(sizes), 1), dtype=np.float32)
        self._starts = np.cumsum([0, *sizes])

    def places(self) -> list[int]:
        """Where each one's start, as a table ends: with one that is nowhere."""
        starts = self._starts[:-1]
        return [*(address(self.array) + 4 * int(start) for start in starts), 0]

    def get(self) -> list[np.ndarray]:
        """Each one's, on the host."""
        return np.split(self.array.get()[: self._starts[-1]], self._starts[1:-1])
