"""Mean errors of values and trajectories."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np

from ml_genn.communicators import Communicator
from ml_genn.errors import ValidationError
from ml_genn.metrics.metric import Metric, rows, summed, weighed
from ml_genn.utils.checks import finite_array, real_array


class _MeanError(Metric):
    """Base of means of an elementwise error of target and prediction."""

    HIGHER_IS_BETTER: ClassVar[bool | None] = False
    WEIGHTED: ClassVar[bool] = True

    @abstractmethod
    def error(self, difference: np.ndarray) -> np.ndarray:
        """Returns the error of each element."""

    def check_target(
        self, y_true: Any, where: str, *, steps: int, shape: tuple[int, ...]
    ) -> None:
        """Raises ValidationError unless targets are values or trajectories."""
        received = finite_array(where, y_true).shape
        if received[1:] not in (shape, (steps, *shape)):
            raise ValidationError(
                f"{where}: {type(self).__name__} compares values, of shape (examples, "
                f"{_listed(shape)}), or trajectories, of shape (examples, "
                f"{_listed((steps, *shape))}). Received {received}. For labels use "
                "metrics='sparse_categorical_accuracy'."
            )

    def update(
        self,
        y_true: Any,
        y_pred: np.ndarray,
        communicator: Communicator | None = None,
        weights: np.ndarray | None = None,
    ) -> None:
        """Adds a batch of targets and predictions of the same shape."""
        where = f"{type(self).__name__}: y_true"
        target = real_array(where, y_true).astype(np.float64)
        if target.shape != np.shape(y_pred):
            raise ValidationError(
                f"{type(self).__name__}: targets and predictions have the same shape. "
                f"Received {target.shape} and {np.shape(y_pred)}."
            )
        errors = rows(self.error(target - y_pred))
        error, weight = weighed(errors.sum(axis=1), weights)
        total, count = summed(communicator, error, weight * errors.shape[1])
        self.total += total
        self.count += count

    def reset(self) -> None:
        """Discards all data."""
        self.total = 0.0
        self.count = 0.0

    @property
    def result(self) -> float | None:
        """The mean so far; None before any data."""
        return self.total / self.count if self.count else None


class MeanSquareError(_MeanError):
    """Mean over all elements of the squared difference of target and prediction.

    If targets are trajectories (examples, time steps, ...), a compiled network compares
    them with the output variable of every step instead of the readout.
    """

    def error(self, difference: np.ndarray) -> np.ndarray:
        """Returns the squared difference."""
        return difference**2


class MeanAbsoluteError(_MeanError):
    """Mean over all elements of the absolute difference of target and prediction."""

    def error(self, difference: np.ndarray) -> np.ndarray:
        """Returns the absolute difference."""
        return np.asarray(np.abs(difference))


def _listed(sizes: tuple[int, ...]) -> str:
    return ", ".join(map(str, sizes))
