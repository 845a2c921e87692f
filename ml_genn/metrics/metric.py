"""Base of metrics."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from ml_genn.communicators import Communicator


class Metric(ABC):
    """A number that is updated batch by batch.

    Attributes:
        result: its value so far; None before any data.
    """

    def __init__(self) -> None:
        self.reset()

    @abstractmethod
    def update(
        self, y_true: Any, y_pred: np.ndarray, communicator: Communicator | None = None
    ) -> None:
        """Takes a batch of targets and predictions into account."""

    @abstractmethod
    def reset(self) -> None:
        """Forgets all data."""

    @property
    @abstractmethod
    def result(self) -> float | None:
        """The value so far; None before any data."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


def reduced(value: float, communicator: Communicator | None) -> float:
    """The sum of a number over all processes."""
    return value if communicator is None else float(communicator.reduce_sum(value))
