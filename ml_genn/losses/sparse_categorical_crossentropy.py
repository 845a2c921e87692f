"""Cross-entropy of a softmax against labels."""

from __future__ import annotations

from typing import Any

import numpy as np

from ml_genn.losses.loss import Loss
from ml_genn.utils.labels import checked_labels


class SparseCategoricalCrossentropy(Loss):
    r"""Cross-entropy between the softmax of an output and a label.

    .. math:: L = -\log \frac{e^{y_l}}{\sum_k e^{y_k}}

    Targets are labels: one whole number from 0 to (number of output neurons - 1) per
    example.
    """

    def check_target(
        self, y: Any, where: str, *, steps: int, shape: tuple[int, ...]
    ) -> np.ndarray:
        """Labels as an array of whole numbers."""
        return checked_labels(where, y, int(np.prod(shape)))
