"""Mean square error of values or trajectories."""

from __future__ import annotations

from typing import ClassVar

from ml_genn.losses.targets import ValueLoss
from ml_genn.model.loss_formula import LossFormula, elementwise

SQUARED_ERROR = elementwise("squared_error", "error**2", "2 * error")


class MeanSquareError(ValueLoss):
    r"""Mean over neurons of the squared error of the readout, or of a trajectory.

    .. math:: L = \frac{1}{K} \sum_k (y_k - y^*_k)^2 \qquad
        L = \frac{1}{T K} \sum_{n, k} (v_k[n] - y^*_k[n])^2

    With the readout ``var``, and where a loss is computed in each step, the output
    variable is compared in each step, and targets have the shape (examples, time steps)
    + shape of the output population. With other readouts their result is compared with
    targets (examples,) + shape.
    """

    FORMULA: ClassVar[LossFormula] = SQUARED_ERROR
