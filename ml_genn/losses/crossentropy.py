"""Cross-entropy of a softmax."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ml_genn.losses.loss import Loss
from ml_genn.model.plan import LossKind, Sensitivity
from ml_genn.utils.labels import checked_labels, checked_probabilities


class SparseCategoricalCrossentropy(Loss):
    r"""Cross-entropy between the softmax of an output and a label.

    .. math:: L = -\log \frac{e^{y_l}}{\sum_k e^{y_k}}

    Targets are labels: one whole number from 0 to (number of output neurons - 1) per
    example.
    """

    KIND: ClassVar[LossKind] = LossKind.CROSS_ENTROPY
    READOUTS: ClassVar[frozenset[Sensitivity]] = frozenset(Sensitivity)

    def check_target(
        self,
        y: Any,
        where: str,
        *,
        steps: int,
        shape: tuple[int, ...],
        each_step: bool = False,
    ) -> np.ndarray:
        """Labels as an array of whole numbers."""
        return checked_labels(where, y, int(np.prod(shape)))

    def number(self, temperature: float, steps: int) -> float:
        """The temperature."""
        return temperature


class CategoricalCrossentropy(Loss):
    r"""Cross-entropy between the softmax of an output and shares of classes.

    .. math:: L = -\sum_k p_k \log \frac{e^{y_k}}{\sum_m e^{y_m}}

    Targets have the shape (examples, output neurons): one-hot, or shares that are not
    negative and whose sum is 1 (smoothed labels).
    """

    KIND: ClassVar[LossKind] = LossKind.SOFT_CROSS_ENTROPY

    def check_target(
        self,
        y: Any,
        where: str,
        *,
        steps: int,
        shape: tuple[int, ...],
        each_step: bool = False,
    ) -> np.ndarray:
        """Shares as an array (examples, neurons)."""
        return checked_probabilities(where, y, int(np.prod(shape)))

    def number(self, temperature: float, steps: int) -> float:
        """The temperature."""
        return temperature
