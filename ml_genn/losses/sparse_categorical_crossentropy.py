"""Cross-entropy of a softmax against labels."""

from __future__ import annotations

from typing import Any

import numpy as np

from ml_genn.errors import ValidationError
from ml_genn.losses.loss import Loss
from ml_genn.model.plan import LossKind


class SparseCategoricalCrossentropy(Loss):
    r"""Cross-entropy between the softmax of an output and a label.

    .. math:: L = -\log \frac{e^{y_l}}{\sum_k e^{y_k}}

    Targets are labels: one whole number from 0 to (number of output neurons - 1) per
    example.
    """

    KIND = LossKind.CROSS_ENTROPY

    def check_target(
        self, y: Any, where: str, *, steps: int, shape: tuple[int, ...]
    ) -> np.ndarray:
        """Labels as an array of whole numbers."""
        labels = np.asarray(y)
        if labels.ndim != 1 or (labels.size and labels.dtype.kind not in "iuf"):
            raise ValidationError(
                f"{where}: labels are one whole number per example. Received an array "
                f"of shape {labels.shape} and type {labels.dtype}."
            )
        whole = labels.astype(np.int64)
        if labels.dtype.kind == "f" and not np.array_equal(whole, labels):
            raise ValidationError(f"{where}: labels are whole numbers.")
        classes = int(np.prod(shape))
        wrong = (whole < 0) | (whole >= classes)
        if np.any(wrong):
            k = int(np.argmax(wrong))
            raise ValidationError(
                f"{where}: labels run from 0 to {classes - 1}, one for each of the "
                f"{classes} output neurons. Received {whole[k]} for example {k}."
            )
        return whole
