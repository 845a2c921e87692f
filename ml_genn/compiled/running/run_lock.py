"""Lock of a compiled network: one batch at a time, one training at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock, RLock

from ml_genn.errors import BusyError


class RunLock:
    """Lock of a compiled network, whose model has memory for one batch.

    Threads that run batches wait for each other, batch by batch. A callback may use the
    network between two batches, but not run another batch within one.

    Attributes:
        end_stepping: ends a batch that a script steps by hand, before another one
            begins; None (default) if there is nothing to end.
    """

    def __init__(self) -> None:
        self._lock = RLock()
        self._runs_batch = False
        self._exclusive = Lock()
        self.end_stepping: Callable[[], None] | None = None

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
            if self._runs_batch:
                raise BusyError(
                    "The compiled network runs a batch, and a callback of a time step "
                    "asks it for another batch or a checkpoint. Use on_batch_end or "
                    "on_epoch_end, or compile the network a second time."
                )
            if self.end_stepping is not None and not stepped_by_hand:
                self.end_stepping()
            self._runs_batch = True
            try:
                yield
            finally:
                self._runs_batch = False

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
        try:
            yield
        finally:
            self._exclusive.release()
