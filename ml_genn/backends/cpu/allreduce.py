"""Sums over processes that the engine begins and awaits during a call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ml_genn.backends.api import Processes
from ml_genn.backends.host.abi.structure import (
    AdvanceAllreduces,
    BeginAllreduce,
    EndAllreduces,
)
from ml_genn.backends.host.process import ProcessBound


class Allreduce:
    """Callbacks of the engine that sum arrays over processes, several at a time.

    The engine cannot pass on exceptions. The first one is kept until `check`, and no
    further sum is begun.

    Args:
        processes: the processes that train together.

    Attributes:
        begin: begins the sum of an array, in place.
        advance: lets sums under way progress.
        end: waits for all sums; returns 0 if one of them failed.
    """

    def __init__(self, processes: Processes) -> None:
        self._error: BaseException | None = None
        bound = ProcessBound("a network that trains over several processes")
        under_way: list[Callable[[], Any]] = []

        def begin(values: Any, count: int) -> None:
            bound.check()
            array = np.ctypeslib.as_array(values, shape=(count,))
            under_way.append(processes.begin_sum(array))

        def end() -> int:
            # Other processes write into these arrays, whatever else fails.
            while under_way:
                self._catch(under_way.pop(0))
            return self._error is None

        self.begin = BeginAllreduce(self._unless_failed(begin))
        self.advance = AdvanceAllreduces(self._unless_failed(processes.advance_sums))
        self.end = EndAllreduces(end)

    def _catch(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Calls a function and keeps the first exception."""
        try:
            function(*arguments)
        except BaseException as error:
            self._error = self._error or error

    def _unless_failed(self, function: Callable[..., Any]) -> Callable[..., None]:
        """Returns a function that does nothing after an exception."""

        def call(*arguments: Any) -> None:
            if self._error is None:
                self._catch(function, *arguments)

        return call

    def check(self) -> None:
        """Raises the exception that occurred during the call."""
        error, self._error = self._error, None
        if error is not None:
            raise error
