"""Checks of class labels and of class probabilities as targets."""

from __future__ import annotations

from typing import Any

import numpy as np

from ml_genn.errors import ValidationError
from ml_genn.utils.checks import array_or_object, finite_array, shown

NO_LABEL = -1  #: label of a time step that no loss and no metric looks at


def checked_labels(
    where: str, y: Any, classes: int, steps: int | None = None
) -> np.ndarray:
    """Returns labels, one per example or time step, as an array of integers.

    Args:
        where: start of error messages.
        y: labels, whole numbers from 0 to ``classes - 1``; in labels of time steps also
            `NO_LABEL`.
        classes: number of classes.
        steps: time steps of an example, if labels may be (examples, steps); None
            (default) if they may not.

    Raises:
        ValidationError: if a label is not such a number.
    """
    labels = array_or_object(where, y)
    if steps is not None and labels.ndim == 2 and labels.shape[1] == steps:
        flat = labels.ravel()
        checked_labels(where, flat[flat != NO_LABEL], classes)
        return labels.astype(np.int64)
    if labels.ndim != 1 or (labels.size and labels.dtype.kind not in "iuf"):
        raise ValidationError(
            f"{where}: labels are one whole number per example. Received "
            f"{shown(y) if labels.dtype == object else _described(labels)}."
            f"{_ONE_HOT if labels.ndim == 2 and labels.shape[1] == classes else ''}"
        )
    wrong = ~((labels >= 0) & (labels < classes) & (labels == np.trunc(labels)))
    if np.any(wrong):
        k = int(np.argmax(wrong))
        raise ValidationError(
            f"{where}: labels are whole numbers from 0 to {classes - 1}, one for each "
            f"of the {classes} output neurons. Received {labels[k]} for example {k}."
        )
    return labels.astype(np.int64)


#: Rounding of probabilities in single precision, with a margin.
_SUM_TOLERANCE = 1e-4


def checked_probabilities(where: str, y: Any, classes: int) -> np.ndarray:
    """Returns one-hot targets or probabilities of classes in single precision.

    Args:
        where: start of error messages.
        y: (examples, classes), not negative and with sum 1 in each example.
        classes: number of classes.

    Raises:
        ValidationError: if they do not have that shape, or are no probabilities.
    """
    values = finite_array(where, y)
    if values.ndim < 2 or int(np.prod(values.shape[1:])) != classes:
        raise ValidationError(
            f"{where}: one-hot targets have the shape (examples, {classes}). Received "
            f"{values.shape}. For labels use 'sparse_categorical_crossentropy' and "
            "'sparse_categorical_accuracy'."
        )
    probabilities = values.reshape(len(values), classes)
    wrong_sum = np.abs(probabilities.sum(axis=1) - 1.0) > _SUM_TOLERANCE
    wrong = np.any(probabilities < 0, axis=1) | wrong_sum
    if np.any(wrong):
        k = int(np.argmax(wrong))
        raise ValidationError(
            f"{where}: class probabilities are not negative, and their sum is 1. "
            f"Received {probabilities[k].tolist()} for example {k}."
        )
    return probabilities.astype(np.float32)


_ONE_HOT = (
    " One-hot targets go with 'categorical_crossentropy' and 'categorical_accuracy'; "
    "labels are np.argmax(y, axis=1)."
)


def _described(labels: np.ndarray) -> str:
    return f"an array of shape {labels.shape} and type {labels.dtype}"
