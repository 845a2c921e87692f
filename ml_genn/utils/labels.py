"""Labels: one whole number per example."""

from __future__ import annotations

from typing import Any

import numpy as np

from ml_genn.errors import ValidationError
from ml_genn.utils.checks import shown


def checked_labels(where: str, y: Any, classes: int) -> np.ndarray:
    """Labels as an array of whole numbers from 0 to ``classes - 1``.

    Raises:
        ValidationError: if they are something else.
    """
    try:
        labels = np.asarray(y)
    except ValueError:
        labels = np.asarray(None)
    if labels.ndim != 1 or (labels.size and labels.dtype.kind not in "iuf"):
        raise ValidationError(
            f"{where}: labels are one whole number per example. Received "
            f"{shown(y) if labels.dtype == object else _described(labels)}."
        )
    wrong = ~((labels >= 0) & (labels < classes) & (labels == np.trunc(labels)))
    if np.any(wrong):
        k = int(np.argmax(wrong))
        raise ValidationError(
            f"{where}: labels are whole numbers from 0 to {classes - 1}, one for each "
            f"of the {classes} output neurons. Received {labels[k]} for example {k}."
        )
    return labels.astype(np.int64)


def _described(labels: np.ndarray) -> str:
    return f"an array of shape {labels.shape} and type {labels.dtype}"
