"""Sums over processes in the middle of the engine's call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ml_genn.backends.cpu import abi
from ml_genn.backends.seam import Processes


class Sums:
    """Sums numbers over processes, as the engine calls it: several at a time.

    Args:
        processes: those that train together.
    """

    def __init__(self, processes: Processes) -> None:
        self._error: BaseException | None = None
        under_way = self._under_way = list[Callable[[], Any]]()

        def begin(numbers: Any, count: int) -> None:
            array = np.ctypeslib.as_array(numbers, shape=(count,))
            under_way.append(processes.begin_sum(array))

        def end() -> None:
            for wait in under_way:
                wait()
            under_way.clear()

        self.begin = abi.BeginSum(self._until_an_error(begin))
        self.end = abi.EndSums(self._until_an_error(end))

    def _until_an_error(self, work: Callable[..., None]) -> Callable[..., None]:
        """Work that keeps an error, which cannot be raised inside the engine's call."""

        def call(*given: Any) -> None:
            if self._error is not None:
                return
            try:
                work(*given)
            except BaseException as error:
                self._error = error

        return call

    def check(self) -> None:
        """Raises what went wrong inside the engine's call."""
        error, self._error = self._error, None
        if error is not None:
            self._under_way.clear()
            raise error
