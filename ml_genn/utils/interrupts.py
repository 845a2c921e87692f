"""Ctrl-C that waits until something is done as a whole."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from threading import current_thread, main_thread
from types import FrameType
from typing import Any


class _Listener:
    """A handler of Ctrl-C that can hold it back.

    Args:
        usual: the handler in whose place it is.
    """

    def __init__(self, usual: Callable[[int, FrameType | None], Any]) -> None:
        self.usual = usual
        self._blocks = 0
        self._held: list[tuple[int, FrameType | None]] = []

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self._blocks:
            self._held.append((number, frame))
        else:
            self.usual(number, frame)

    @contextmanager
    def holding(self) -> Iterator[None]:
        self._blocks += 1
        try:
            yield
        finally:
            self._blocks -= 1
            if self._held and not self._blocks:
                held, self._held = self._held[0], []
                self.usual(*held)


@contextmanager
def listening() -> Iterator[_Listener | None]:
    """Makes every `uninterrupted` inside a block cheap; changes nothing else."""
    usual = signal.getsignal(signal.SIGINT)
    if current_thread() is not main_thread() or not callable(usual):
        yield None
    elif isinstance(usual, _Listener):
        yield usual
    else:
        listener = _Listener(usual)
        signal.signal(signal.SIGINT, listener)
        try:
            yield listener
        finally:
            if signal.getsignal(signal.SIGINT) is listener:
                signal.signal(signal.SIGINT, usual)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Lets Ctrl-C (SIGINT) inside a block take effect at its end.

    Blocks may be nested. Nothing changes in other threads than the main one, which
    Python never interrupts, nor where SIGINT has no handler in Python.
    """
    with listening() as listener, listener.holding() if listener else nullcontext():
        yield
