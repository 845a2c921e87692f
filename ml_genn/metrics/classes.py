"""Classification metrics: accuracy, top-k accuracy and confusion matrix."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

import numpy as np

from ml_genn.communicators import Communicator
from ml_genn.errors import DataWarning, ValidationError, stacklevel_of_user
from ml_genn.metrics.metric import Metric, rows, summed, weighed
from ml_genn.utils.checks import as_array, whole
from ml_genn.utils.labels import NO_LABEL, checked_labels, checked_probabilities


class _Labelled(Metric):
    """Base of metrics whose targets are labels."""

    WEIGHTED: ClassVar[bool] = True

    def check_target(
        self, y_true: Any, where: str, *, steps: int, shape: tuple[int, ...]
    ) -> None:
        """Raises ValidationError unless targets are labels of the output's neurons."""
        if np.ndim(y_true) > 1 and np.shape(y_true)[1:] != (steps,):
            raise ValidationError(
                f"{where}: {type(self).__name__} compares labels, one whole number per "
                f"example. Received an array of shape {np.shape(y_true)}. For values "
                "or trajectories use metrics='mean_square_error', for one-hot targets "
                "'categorical_accuracy'."
            )
        size = int(np.prod(shape))
        checked_labels(where, y_true, size, steps)
        self.warn_if_constant(where, size)

    def warn_if_constant(self, where: str, neurons: int) -> None:
        """Warns if the result is the same whatever the output neurons do.

        Args:
            where: start of the warning; names the output.
            neurons: number of output neurons.
        """

    def labels(self, y_true: Any) -> np.ndarray:
        """Returns the labels of a batch of targets."""
        return as_array(f"{type(self).__name__}: y_true", y_true)

    def compared(
        self, y_true: Any, y_pred: np.ndarray, weights: np.ndarray | None
    ) -> tuple[np.ndarray, Any, np.ndarray | None]:
        """Returns labels (examples,), outputs (examples, neurons) and weights.

        With a label for each time step, they are those of all steps with a label.
        """
        labels = self.labels(y_true)
        if labels.ndim == 2 and labels.shape == np.shape(y_pred)[:2]:
            seen = labels != NO_LABEL
            if weights is not None:
                weights = np.broadcast_to(weights[:, None], labels.shape)[seen]
            labels, y_pred = labels[seen], y_pred[seen]
        outputs = rows(y_pred)
        if labels.shape != outputs.shape[:1]:
            raise ValidationError(
                f"{type(self).__name__}: one label per prediction. Received labels "
                f"of shape {labels.shape} and predictions of shape {y_pred.shape}."
            )
        return labels, outputs, weights


class _OneHot(_Labelled):
    """Base of metrics whose targets are probabilities; the largest is the label."""

    def check_target(
        self, y_true: Any, where: str, *, steps: int, shape: tuple[int, ...]
    ) -> None:
        """Raises ValidationError unless targets are probabilities of the classes."""
        size = int(np.prod(shape))
        checked_probabilities(where, y_true, size)
        self.warn_if_constant(where, size)

    def labels(self, y_true: Any) -> np.ndarray:
        """Returns the labels of a batch of targets."""
        return np.asarray(np.argmax(rows(y_true), axis=1))


class SparseTopKCategoricalAccuracy(_Labelled):
    """Fraction of examples whose label is among the k largest output neurons.

    Args:
        k: number of output neurons that are considered, 5 by default.

    Raises:
        ValidationError: if k is not a whole number of at least 1.
    """

    HIGHER_IS_BETTER: ClassVar[bool | None] = True

    def __init__(self, k: int = 5) -> None:
        self.k = whole(f"{type(self).__name__}: k", k)
        super().__init__()

    def warn_if_constant(self, where: str, neurons: int) -> None:
        """Warns if all output neurons are among the k largest."""
        if neurons <= self.k:
            warnings.warn(
                f"{where}: {type(self).__name__} compares the label with the {self.k} "
                f"largest of {neurons} output neurons, so it is always 1. Use more "
                "output neurons, a smaller k, or metrics='mean_square_error' for "
                "values.",
                DataWarning,
                stacklevel=stacklevel_of_user(),
            )

    def update(
        self,
        y_true: Any,
        y_pred: np.ndarray,
        communicator: Communicator | None = None,
        weights: np.ndarray | None = None,
    ) -> None:
        """Adds a batch of targets and outputs (examples, ...)."""
        labels, outputs, weights = self.compared(y_true, y_pred, weights)
        if self.k == 1:
            correct = outputs.argmax(axis=1) == labels
        else:
            largest = np.argsort(-outputs, axis=1, kind="stable")[:, : self.k]
            correct = np.any(largest == labels[:, None], axis=1)
        num_correct, total = summed(communicator, *weighed(correct, weights))
        self.correct += num_correct
        self.total += total

    def reset(self) -> None:
        """Discards all data."""
        self.correct = 0.0
        self.total = 0.0

    @property
    def result(self) -> float | None:
        """The fraction so far; None before any data."""
        return self.correct / self.total if self.total else None

    def _arguments(self) -> tuple[int, ...]:
        return (self.k,)


class TopKCategoricalAccuracy(_OneHot, SparseTopKCategoricalAccuracy):
    """Top-k accuracy for one-hot targets (examples, neurons).

    Args:
        k: number of output neurons that are considered, 5 by default.
    """


class SparseCategoricalAccuracy(SparseTopKCategoricalAccuracy):
    """Fraction of examples whose largest output neuron is the label."""

    def __init__(self) -> None:
        super().__init__(1)

    def _arguments(self) -> tuple[int, ...]:
        return ()


class CategoricalAccuracy(_OneHot, SparseCategoricalAccuracy):
    """Fraction of examples whose largest output is the largest one-hot target."""


class ConfusionMatrix(_Labelled):
    """Confusion matrix: examples of each label (row) by predicted class (column).

    The result is an array (neurons, neurons) of counts, or of sums of weights.
    """

    counts: np.ndarray | None = None

    def update(
        self,
        y_true: Any,
        y_pred: np.ndarray,
        communicator: Communicator | None = None,
        weights: np.ndarray | None = None,
    ) -> None:
        """Adds a batch of labels (examples,) and outputs (examples, ...)."""
        labels, outputs, weights = self.compared(y_true, y_pred, weights)
        size = outputs.shape[1]
        cells = labels.astype(int) * size + np.argmax(outputs, axis=1)
        counts = np.bincount(cells, weights, size**2).reshape(size, size)
        if communicator is not None:
            counts = np.asarray(communicator.reduce_sum(counts))
        self.counts = counts if self.counts is None else self.counts + counts

    def reset(self) -> None:
        """Discards all data."""
        self.counts = None

    @property
    def result(self) -> np.ndarray | None:
        """The counts so far; None before any data."""
        return self.counts
