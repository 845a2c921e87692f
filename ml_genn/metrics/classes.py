"""Metrics of classes: how often the right output neuron is among the largest."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ml_genn.communicators import Communicator
from ml_genn.errors import ValidationError
from ml_genn.metrics.metric import Metric, rows, summed, weighed
from ml_genn.utils.checks import whole
from ml_genn.utils.labels import checked_labels, checked_probabilities


class _Labelled(Metric):
    """Targets are labels."""

    WEIGHTED: ClassVar[bool] = True

    def check_target(
        self, y_true: Any, where: str, *, steps: int, shape: tuple[int, ...]
    ) -> None:
        """Refuses targets that are not labels of the output's neurons."""
        if np.ndim(y_true) > 1:
            raise ValidationError(
                f"{where}: {type(self).__name__} compares labels, one whole number per "
                f"example. Received an array of shape {np.shape(y_true)}. For values "
                "or trajectories use metrics='mean_square_error', for one-hot targets "
                "'categorical_accuracy'."
            )
        checked_labels(where, y_true, int(np.prod(shape)))

    def labels(self, y_true: Any) -> np.ndarray:
        """Labels of a batch of targets."""
        return np.asarray(y_true)

    def compared(self, y_true: Any, y_pred: np.ndarray) -> tuple[np.ndarray, Any]:
        """Labels (examples,) and outputs (examples, neurons) of a batch."""
        labels = self.labels(y_true)
        outputs = rows(y_pred)
        if labels.shape != outputs.shape[:1]:
            raise ValidationError(
                f"{type(self).__name__}: one label per prediction. Received labels "
                f"of shape {labels.shape} and predictions of shape {y_pred.shape}."
            )
        return labels, outputs


class _OneHot(_Labelled):
    """Targets are one-hot; the largest share is the label."""

    def check_target(
        self, y_true: Any, where: str, *, steps: int, shape: tuple[int, ...]
    ) -> None:
        """Refuses targets that are not shares of the output's neurons."""
        checked_probabilities(where, y_true, int(np.prod(shape)))

    def labels(self, y_true: Any) -> np.ndarray:
        """Labels of a batch of targets."""
        return np.asarray(np.argmax(rows(y_true), axis=1))


class SparseTopKCategoricalAccuracy(_Labelled):
    """Fraction of examples whose label is among the k largest output neurons.

    Args:
        k: how many are looked at, 5 by default.

    Raises:
        ValidationError: if k is not a whole number of at least 1.
    """

    def __init__(self, k: int = 5) -> None:
        self.k = whole(f"{type(self).__name__}: k", k)
        super().__init__()

    def update(
        self,
        y_true: Any,
        y_pred: np.ndarray,
        communicator: Communicator | None = None,
        weights: np.ndarray | None = None,
    ) -> None:
        """Takes a batch of targets and outputs (examples, ...) in."""
        labels, outputs = self.compared(y_true, y_pred)
        if self.k == 1:
            right = outputs.argmax(axis=1) == labels
        else:
            largest = np.argsort(-outputs, axis=1, kind="stable")[:, : self.k]
            right = np.any(largest == labels[:, None], axis=1)
        correct, total = summed(communicator, *weighed(right, weights))
        self.correct += correct
        self.total += total

    def reset(self) -> None:
        """Forgets all data."""
        self.correct = 0.0
        self.total = 0.0

    @property
    def result(self) -> float | None:
        """The fraction so far; None before any data."""
        return self.correct / self.total if self.total else None

    def _arguments(self) -> tuple[int, ...]:
        return (self.k,)


class TopKCategoricalAccuracy(_OneHot, SparseTopKCategoricalAccuracy):
    """As `SparseTopKCategoricalAccuracy`, for one-hot targets (examples, neurons).

    Args:
        k: how many are looked at, 5 by default.
    """


class SparseCategoricalAccuracy(SparseTopKCategoricalAccuracy):
    """Fraction of examples whose largest output neuron is the label."""

    def __init__(self) -> None:
        super().__init__(1)

    def _arguments(self) -> tuple[int, ...]:
        return ()


class CategoricalAccuracy(_OneHot, SparseCategoricalAccuracy):
    """As `SparseCategoricalAccuracy`, for one-hot targets (examples, neurons)."""


class ConfusionMatrix(_Labelled):
    """How often each label (row) was taken for each class (column).

    Its result is an array of counts, or sums of weights, (neurons, neurons).
    """

    counts: np.ndarray | None = None

    def update(
        self,
        y_true: Any,
        y_pred: np.ndarray,
        communicator: Communicator | None = None,
        weights: np.ndarray | None = None,
    ) -> None:
        """Takes a batch of labels (examples,) and outputs (examples, ...) in."""
        labels, outputs = self.compared(y_true, y_pred)
        size = outputs.shape[1]
        found = labels.astype(int) * size + np.argmax(outputs, axis=1)
        counts = np.bincount(found, weights, size**2).reshape(size, size)
        if communicator is not None:
            counts = np.asarray(communicator.reduce_sum(counts))
        self.counts = counts if self.counts is None else self.counts + counts

    def reset(self) -> None:
        """Forgets all data."""
        self.counts = None

    @property
    def result(self) -> np.ndarray | None:
        """The counts so far; None before any data."""
        return self.counts
