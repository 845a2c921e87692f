"""What training over several processes needs of a message-passing library."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np


def is_first(communicator: Communicator | None) -> bool:
    """Whether this process prints and writes: the first of several, or the only one.

    Args:
        communicator: of the processes; None for one.
    """
    return communicator is None or communicator.rank == 0


class Communicator(ABC):
    """Talks to the other processes."""

    @abstractmethod
    def barrier(self) -> None:
        """Waits until every process is here."""

    @abstractmethod
    def broadcast(self, data: Any, root: int) -> None:
        """Sends an array of one process to all.

        Args:
            data: the array, which is overwritten in the other processes.
            root: number of the process that sends.
        """

    @abstractmethod
    def reduce_sum(self, value: Any) -> Any:
        """The sum over all processes.

        Args:
            value: a number, or an array of the same shape in all.
        """

    def all_sum(self, values: np.ndarray) -> None:
        """Sums an array over all processes, in place.

        Args:
            values: the array, of the same shape in all.
        """
        values[...] = self.reduce_sum(values)

    def begin_sum(self, values: np.ndarray) -> Callable[[], Any]:
        """Begins to sum an array over all processes, in place.

        Gradients are summed piece by piece, each while the next is still computed. All
        processes begin the same sums in the same order. Where this is not overridden, a
        sum is taken when it is waited for.

        Args:
            values: the array, of the same shape in all; nobody touches it until then.

        Returns:
            A function that waits until the sum is there.
        """
        return lambda: self.all_sum(values)

    def advance_sums(self) -> None:  # noqa: B027
        """Lets sums that were begun go on: some libraries only do so when called."""

    @property
    @abstractmethod
    def rank(self) -> int:
        """The number of this process."""

    @property
    @abstractmethod
    def num_ranks(self) -> int:
        """How many processes there are."""

    @property
    def local_ranks(self) -> int:
        """How many of them share this machine's cores."""
        return self.num_ranks

    def share(self, size: int) -> tuple[int, int]:
        """First and last (exclusive) of ``size`` examples that are this process's."""
        first, last = (size * (self.rank + k) // self.num_ranks for k in (0, 1))
        return first, last
