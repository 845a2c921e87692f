"""Sums over processes in the middle of the engine's call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ml_genn.backends.cpu import abi


class AllSum:
    """Sums numbers over processes, as the engine calls it.

    Args:
        all_sum: sums an array over all processes, in place.
    """

    def __init__(self, all_sum: Callable[[np.ndarray], None]) -> None:
        self._error: BaseException | None = None

        def call(numbers: Any, count: int) -> None:
            if self._error is not None:
                return
            try:
                all_sum(np.ctypeslib.as_array(numbers, shape=(count,)))
            except BaseException as error:
                self._error = error

        self.function = abi.AllSum(call)

    def check(self) -> None:
        """Raises what went wrong inside the engine's call, where nothing can."""
        error, self._error = self._error, None
        if error is not None:
            raise error
