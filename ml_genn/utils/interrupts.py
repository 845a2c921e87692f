"""Blocks of code that Ctrl-C (SIGINT) does not interrupt half-way."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from threading import current_thread, main_thread
from types import FrameType
from typing import Any


class _DeferrableHandler:
    """Handler of SIGINT that can defer the signal to the end of a block.

    Args:
        usual: the handler that it replaces, called when the signal takes effect.
    """

    def __init__(self, usual: Callable[[int, FrameType | None], Any]) -> None:
        self.usual = usual
        self._blocks = 0
        self._pending: list[tuple[int, FrameType | None]] = []

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self._blocks:
            self._pending.append((number, frame))
        else:
            self.usual(number, frame)

    @contextmanager
    def deferring(self) -> Iterator[None]:
        """Defers signals that arrive inside the block; only the first one counts."""
        self._blocks += 1
        try:
            yield
        finally:
            self._blocks -= 1
            if self._pending and not self._blocks:
                first, self._pending = self._pending[0], []
                self.usual(*first)


@contextmanager
def interrupt_handler() -> Iterator[_DeferrableHandler | None]:
    """Installs the handler once for all `deferred_interrupts` inside a block.

    It only saves time: without it, each of them installs and removes a handler.

    Yields:
        The handler; None in other threads than the main one, which Python never
        interrupts, and where SIGINT has no handler in Python.
    """
    usual = signal.getsignal(signal.SIGINT)
    if current_thread() is not main_thread() or not callable(usual):
        yield None
    elif isinstance(usual, _DeferrableHandler):
        yield usual
    else:
        handler = _DeferrableHandler(usual)
        signal.signal(signal.SIGINT, handler)
        try:
            yield handler
        finally:
            if signal.getsignal(signal.SIGINT) is handler:
                signal.signal(signal.SIGINT, usual)


@contextmanager
def deferred_interrupts() -> Iterator[None]:
    """Defers Ctrl-C (SIGINT) inside a block to its end.

    Blocks may be nested; the end of the outermost one counts. Nothing changes in other
    threads than the main one, which Python never interrupts, nor where SIGINT has no
    handler in Python.
    """
    with (
        interrupt_handler() as handler,
        handler.deferring() if handler else nullcontext(),
    ):
        yield
