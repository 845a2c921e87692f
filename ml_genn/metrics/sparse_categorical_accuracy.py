"""Fraction of examples whose largest output is the right one."""

from __future__ import annotations

from typing import Any

import numpy as np

from ml_genn.communicators import Communicator
from ml_genn.errors import ValidationError
from ml_genn.metrics.metric import Metric, reduced
from ml_genn.utils.labels import checked_labels


class SparseCategoricalAccuracy(Metric):
    """Fraction of examples whose largest output neuron is the label."""

    def check_target(
        self, y_true: Any, where: str, *, steps: int, shape: tuple[int, ...]
    ) -> None:
        """Refuses targets that are not labels of the output's neurons."""
        if np.ndim(y_true) > 1:
            raise ValidationError(
                f"{where}: SparseCategoricalAccuracy compares labels, one whole number "
                f"per example. Received an array of shape {np.shape(y_true)}. For "
                "values or trajectories use metrics='mean_square_error'."
            )
        checked_labels(where, y_true, int(np.prod(shape)))

    def update(
        self, y_true: Any, y_pred: np.ndarray, communicator: Communicator | None = None
    ) -> None:
        """Takes a batch of labels (examples,) and outputs (examples, ...) in."""
        labels = np.asarray(y_true)
        outputs = np.reshape(y_pred, (len(y_pred), -1))
        if labels.shape != outputs.shape[:1]:
            raise ValidationError(
                f"SparseCategoricalAccuracy: one label per prediction. Received labels "
                f"of shape {labels.shape} and predictions of shape {y_pred.shape}."
            )
        right = int(np.sum(np.argmax(outputs, axis=1) == labels))
        self.correct += reduced(right, communicator)
        self.total += reduced(len(labels), communicator)

    def reset(self) -> None:
        """Forgets all data."""
        self.correct = 0.0
        self.total = 0.0

    @property
    def result(self) -> float | None:
        """The fraction so far; None before any data."""
        return self.correct / self.total if self.total else None
