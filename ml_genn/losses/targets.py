"""Bases of losses whose targets are labels or values."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ml_genn.errors import ValidationError
from ml_genn.losses.loss import Loss
from ml_genn.utils.checks import finite_array
from ml_genn.utils.labels import checked_labels


class LabelLoss(Loss):
    """Base of losses whose targets are labels: one class index per example.

    Where a loss is computed in each step, also one per time step, (examples, steps); -1
    for steps without a label, whose loss is zero.
    """

    def check_target(
        self,
        y: Any,
        where: str,
        *,
        steps: int,
        shape: tuple[int, ...],
        each_step: bool = False,
    ) -> np.ndarray:
        """Returns labels as an array of integers (examples,) or (examples, steps)."""
        size = int(np.prod(shape))
        return checked_labels(where, y, size, steps if each_step else None)


class ValueLoss(Loss):
    """Base of losses whose targets are one value per output neuron.

    With the readout ``var``, and where a loss is computed in each step, the output
    variable is compared in each step, and targets have the shape (examples, time steps)
    + shape of the output population. With other readouts their result is compared with
    targets of the shape (examples,) + shape of the output population.
    """

    TRAJECTORIES: ClassVar[bool] = True
    METRIC: ClassVar[str] = "mean_square_error"

    def check_target(
        self,
        y: Any,
        where: str,
        *,
        steps: int,
        shape: tuple[int, ...],
        each_step: bool = False,
    ) -> np.ndarray:
        """Returns values (examples,) + shape, or (examples, steps) + shape."""
        values = finite_array(where, y)
        expected = (steps, *shape) if each_step else shape
        if values.shape[1:] != expected or not values.ndim:
            raise ValidationError(
                f"{where}: targets of {type(self).__name__} have the shape (examples, "
                f"{', '.join(map(str, expected))}). Received {values.shape}."
            )
        return values.astype(np.float32)


def values_of_labels(
    labels: np.ndarray, num_classes: int, correct: float, incorrect: float
) -> np.ndarray:
    """Returns ``correct`` at the class of each label, ``incorrect`` at the others."""
    is_label = np.arange(num_classes) == labels[:, None]
    return np.where(is_label, correct, incorrect).astype(np.float32)
