"""Base of communicators: the operations that data-parallel training needs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np


def is_first(communicator: Communicator | None) -> bool:
    """True in the process that prints and writes files: the first, or the only one.

    Args:
        communicator: connects the processes; None for one.
    """
    return communicator is None or communicator.rank == 0


class Communicator(ABC):
    """Collective operations of processes that run the same script."""

    @abstractmethod
    def barrier(self) -> None:
        """Waits until every process calls it."""

    @abstractmethod
    def broadcast(self, data: Any, root: int) -> None:
        """Copies an array of one process to all.

        Args:
            data: the array, overwritten in the other processes.
            root: rank of the process that sends it.
        """

    @abstractmethod
    def reduce_sum(self, value: Any) -> Any:
        """Returns the sum over all processes.

        Args:
            value: a number, or an array of the same shape in all processes.
        """

    def all_sum(self, values: np.ndarray) -> None:
        """Sums an array over all processes, in place.

        Args:
            values: the array, of the same shape in all processes.
        """
        values[...] = self.reduce_sum(values)

    def begin_sum(self, values: np.ndarray) -> Callable[[], Any]:
        """Starts an all-reduce: a sum over all processes, in place, without waiting.

        Gradients are reduced in buckets, each while the next one is still computed. All
        processes start the same sums in the same order. Unless it is overridden, the
        sum is computed by the function that waits for it.

        Args:
            values: the array, of the same shape in all processes. It must not be read
                or written before the sum is complete.

        Returns:
            A function that waits until the sum is complete.
        """
        return lambda: self.all_sum(values)

    def advance_sums(self) -> None:  # noqa: B027
        """Makes progress with started sums, for libraries that do so only in calls."""

    @property
    @abstractmethod
    def rank(self) -> int:
        """Rank of this process, from 0."""

    @property
    @abstractmethod
    def num_ranks(self) -> int:
        """Number of processes."""

    @property
    def local_ranks(self) -> int:
        """Number of processes on this machine, which share its cores."""
        return self.num_ranks

    def local_range(self, size: int) -> tuple[int, int]:
        """Returns the examples of a batch that this process runs.

        Args:
            size: number of examples of the batch.

        Returns:
            First example, and the one after the last.
        """
        first, last = (size * (self.rank + k) // self.num_ranks for k in (0, 1))
        return first, last
