"""Lock of a compiled network: one batch at a time, one training at a time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock, RLock, get_ident
from weakref import WeakMethod, WeakSet

from ml_genn.errors import BusyError


class RunLock:
    """Lock of a compiled network, whose model has memory for one batch.

    Threads that run batches wait for each other, batch by batch. A callback may use the
    network between two batches, but not run another batch within one. In a forked
    process the lock is free, unless the thread that forked held it.
    """

    def __init__(self) -> None:
        self._lock = RLock()
        self._batch_thread: int | None = None  # thread that runs a batch
        self._exclusive = Lock()
        self._exclusive_thread: int | None = None
        self._end_stepping: WeakMethod[Callable[[], None]] | None = None
        _LOCKS.add(self)

    def before_batches(self, end_stepping: Callable[[], None]) -> None:
        """Sets the method that ends a batch which a script steps by hand.

        Args:
            end_stepping: bound method, called before another batch begins. It is not
                kept alive.
        """
        self._end_stepping = WeakMethod(end_stepping)

    def renew(self) -> None:
        """Frees what threads held that a forked process does not have."""
        thread = get_ident()
        if self._batch_thread != thread:
            self._lock, self._batch_thread = RLock(), None
        if self._exclusive_thread != thread:
            self._exclusive, self._exclusive_thread = Lock(), None

    @contextmanager
    def access(self) -> Iterator[None]:
        """Lets a block read or change arrays, between two batches of other threads."""
        with self._lock:
            yield

    @contextmanager
    def batch(self, *, stepped_by_hand: bool = False) -> Iterator[None]:
        """Lets a block run a batch or restore a snapshot, after other threads' batches.

        Args:
            stepped_by_hand: True if the block is a step of a batch that a script steps
                by hand; False (default) ends such a batch.

        Raises:
            BusyError: in a callback of a time step, since its batch is not complete.
        """
        with self._lock:
            if self._batch_thread is not None:
                raise BusyError(
                    "The compiled network runs a batch, and a callback of a time step "
                    "asks it for another batch or a checkpoint. Use on_batch_end or "
                    "on_epoch_end, or compile the network a second time."
                )
            end_stepping = self._end_stepping and self._end_stepping()
            if end_stepping and not stepped_by_hand:
                end_stepping()
            self._batch_thread = get_ident()
            try:
                yield
            finally:
                self._batch_thread = None

    @contextmanager
    def exclusive(self, what: str) -> Iterator[None]:
        """Lets a block train, or run batches that continue from each other.

        Args:
            what: what the block does, for error messages.

        Raises:
            BusyError: if such a block has begun, in a callback or another thread.
        """
        if not self._exclusive.acquire(blocking=False):
            raise BusyError(
                f"{what}: the compiled network is in use already, by a run that is not "
                "finished or by another thread. Wait for its end, or compile the "
                "network a second time."
            )
        self._exclusive_thread = get_ident()
        try:
            yield
        finally:
            self._exclusive_thread = None
            self._exclusive.release()


_LOCKS: WeakSet[RunLock] = WeakSet()  #: locks of this process


def _renew_locks() -> None:
    for lock in list(_LOCKS):
        lock.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_locks)
