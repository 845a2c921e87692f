"""Mean absolute error of values or trajectories."""

from __future__ import annotations

from typing import ClassVar

from ml_genn.losses.targets import ValueLoss
from ml_genn.model.loss_formula import LossFormula, elementwise

ABSOLUTE_ERROR = elementwise("absolute_error", "abs(error)", "sign(error)")


class MeanAbsoluteError(ValueLoss):
    r"""Mean over neurons of the absolute error, with targets as for `MeanSquareError`.

    .. math:: L = \frac{1}{K} \sum_k |y_k - y^*_k|
    """

    FORMULA: ClassVar[LossFormula] = ABSOLUTE_ERROR
    METRIC: ClassVar[str] = "mean_absolute_error"
