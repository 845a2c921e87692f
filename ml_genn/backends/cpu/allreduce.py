"""Sums over processes in the middle of the engine's call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ml_genn.backends.api import Processes
from ml_genn.backends.host.c_struct import (
    AdvanceAllreduces,
    BeginAllreduce,
    EndAllreduces,
)


class Sums:
    """Sums numbers over processes, as the engine calls it: several at a time.

    Args:
        processes: those that train together.
    """

    def __init__(self, processes: Processes) -> None:
        self._error: BaseException | None = None
        under_way: list[Callable[[], Any]] = []

        def begin(numbers: Any, count: int) -> None:
            array = np.ctypeslib.as_array(numbers, shape=(count,))
            under_way.append(processes.begin_sum(array))

        def end() -> int:
            while under_way:  # others write into these arrays, whatever else fails
                self._keep_errors(under_way.pop(0))
            return self._error is None

        self.begin = BeginAllreduce(self._until_an_error(begin))
        self.advance = AdvanceAllreduces(self._until_an_error(processes.advance_sums))
        self.end = EndAllreduces(end)

    def _keep_errors(self, work: Callable[..., Any], *given: Any) -> None:
        """Does work; keeps an error, since none can be raised in the engine's call."""
        try:
            work(*given)
        except BaseException as error:
            self._error = self._error or error

    def _until_an_error(self, work: Callable[..., Any]) -> Callable[..., None]:
        """Work that is not done any more after an error."""

        def call(*given: Any) -> None:
            if self._error is None:
                self._keep_errors(work, *given)

        return call

    def check(self) -> None:
        """Raises what went wrong inside the engine's call."""
        error, self._error = self._error, None
        if error is not None:
            raise error
