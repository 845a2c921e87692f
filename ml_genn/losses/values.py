"""Errors of values or trajectories, number by number."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ml_genn.errors import ValidationError
from ml_genn.losses.loss import Loss
from ml_genn.model.plan import LossKind
from ml_genn.utils.checks import finite_array


class _ValueLoss(Loss):
    """A mean over output neurons and, where trajectories are compared, time steps."""

    FOLLOWS: ClassVar[bool] = True

    def check_target(
        self,
        y: Any,
        where: str,
        *,
        steps: int,
        shape: tuple[int, ...],
        each_step: bool = False,
    ) -> np.ndarray:
        """Values (examples,) + shape, or trajectories (examples, steps) + shape."""
        values = finite_array(where, y)
        expected = (steps, *shape) if each_step else shape
        if values.shape[1:] != expected or not values.ndim:
            raise ValidationError(
                f"{where}: targets of {type(self).__name__} have the shape (examples, "
                f"{', '.join(map(str, expected))}). Received {values.shape}."
            )
        return values.astype(np.float32)


class MeanSquareError(_ValueLoss):
    r"""Mean over neurons of the squared error of the readout, or of a trajectory.

    .. math:: L = \frac{1}{K} \sum_k (y_k - y^*_k)^2 \qquad
        L = \frac{1}{T K} \sum_{n, k} (v_k[n] - y^*_k[n])^2

    With the readout ``var``, and where a loss is taken in each step, the output
    variable is compared in each step, and targets have the shape (examples, time steps)
    + shape of the output population. With other readouts their result is compared with
    targets (examples,) + shape.
    """

    KIND: ClassVar[LossKind] = LossKind.SQUARED_ERROR


class MeanAbsoluteError(_ValueLoss):
    r"""Mean over neurons of the size of the error, targets as for `MeanSquareError`.

    .. math:: L = \frac{1}{K} \sum_k |y_k - y^*_k|
    """

    KIND: ClassVar[LossKind] = LossKind.ABSOLUTE_ERROR
