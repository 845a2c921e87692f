"""What training over several processes needs of a message-passing library."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any


class Communicator(ABC):
    """Talks to the other processes."""

    @abstractmethod
    def barrier(self) -> None:
        """Waits until every process is here."""

    @abstractmethod
    def broadcast(self, data: Any, root: int) -> None:
        """Sends the buffer ``data`` of process ``root`` to all."""

    @abstractmethod
    def reduce_sum(self, value: Any) -> Any:
        """The sum of ``value`` over all processes."""

    @property
    @abstractmethod
    def rank(self) -> int:
        """The number of this process."""

    @property
    @abstractmethod
    def num_ranks(self) -> int:
        """How many processes there are."""
