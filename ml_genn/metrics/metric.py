"""Base of metrics."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from copy import copy
from typing import Any, ClassVar

import numpy as np

from ml_genn.communicators import Communicator
from ml_genn.errors import UnsupportedError
from ml_genn.utils.module import alias


class Metric(ABC):
    """A number that is updated batch by batch.

    Attributes:
        result: its value so far; None before any data.
    """

    #: whether `update` takes ``weights``, one number for each example
    WEIGHTED: ClassVar[bool] = False

    def __init__(self) -> None:
        self.reset()

    def check_target(  # noqa: B027  (a metric may take any targets)
        self, y_true: Any, where: str, *, steps: int, shape: tuple[int, ...]
    ) -> None:
        """Refuses targets that it cannot be updated with, before anything runs.

        Args:
            y_true: targets, one entry per example.
            where: what errors name.
            steps: time steps of an example.
            shape: shape of the output population.

        Raises:
            ValidationError: if they do not fit.
        """

    @abstractmethod
    def update(
        self,
        y_true: Any,
        y_pred: np.ndarray,
        communicator: Communicator | None = None,
        weights: np.ndarray | None = None,
    ) -> None:
        """Takes a batch of targets and predictions into account.

        Args:
            y_true: targets.
            y_pred: predictions, one for each target.
            communicator: sums over processes; None (default) for one process.
            weights: how much each example counts; None (default) for all the same.
                Given only where `WEIGHTED`.
        """

    @abstractmethod
    def reset(self) -> None:
        """Forgets all data."""

    def named(self) -> dict[str, Metric]:
        """{name: metric}: itself."""
        return {alias(type(self)): self}

    def check_weights(self) -> None:
        """Refuses weights, if it cannot take them into account.

        Raises:
            UnsupportedError: if it cannot.
        """
        if not self.WEIGHTED:
            raise UnsupportedError(
                f"evaluate: {type(self).__name__} does not weigh examples. Leave out "
                "sample_weight and class_weight, or give its update a keyword "
                "'weights' and set WEIGHTED = True."
            )

    def fresh(self) -> Metric:
        """Another metric with the same settings and no data."""
        other = copy(self)
        other.reset()
        return other

    @property
    @abstractmethod
    def result(self) -> Any:
        """The value so far; None before any data."""

    def _arguments(self) -> tuple[Any, ...]:
        """What it was made with."""
        return ()

    def __repr__(self) -> str:
        found = scalar(self)
        shown = [*map(repr, self._arguments())]
        shown += [] if found is None else [f"result={found:.4g}"]
        return f"{type(self).__name__}({', '.join(shown)})"


def scalar(metric: Metric | None) -> float | None:
    """The result of a metric, where there is one and it is one number."""
    found = None if metric is None else metric.result
    return None if found is None or np.ndim(found) else float(found)


def weighed(
    values: np.ndarray, weights: np.ndarray | None
) -> tuple[np.floating[Any], np.floating[Any] | int]:
    """The sum of numbers of examples, and of how much each counts, 1 by default."""
    if weights is None:
        return values.sum(), len(values)
    counts = np.asarray(weights, dtype=np.float64)
    return counts @ values, counts.sum()


def summed(
    communicator: Communicator | None, *values: float | np.floating[Any]
) -> list[float]:
    """The sum of each number over all processes, which meet once for all of them."""
    if communicator is None:
        return [float(value) for value in values]
    found = communicator.reduce_sum(np.array(values, dtype=np.float64))
    return [float(value) for value in found]


def rows(values: Any) -> np.ndarray:
    """Values (examples, numbers), also where a process has no example of a batch."""
    array = np.asarray(values)
    return array.reshape(len(array), math.prod(array.shape[1:]))
