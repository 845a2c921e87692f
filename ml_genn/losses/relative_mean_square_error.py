"""Squared error of times of first spikes relative to that of the label's neuron."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ml_genn.losses.targets import LabelLoss
from ml_genn.model.loss_formula import LossFormula, Targets, one_hot
from ml_genn.model.plan import Sensitivity
from ml_genn.utils.checks import number


def _in_numpy(
    y: np.ndarray, label: np.ndarray, lead: float
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the loss and dL/dy, with y = -t."""
    is_label = one_hot(label, y.shape[-1])
    y_label = (y * is_label).sum(axis=-1, keepdims=True)
    error = np.where(is_label > 0, 0.0, y_label - y - lead)
    grad = np.where(is_label > 0, error.sum(axis=-1, keepdims=True), -error)
    return 0.5 * (error**2).sum(axis=-1), grad


RELATIVE_SQUARED_ERROR = LossFormula(
    "relative_squared_error",
    Targets.LABELS,
    scalar="lead",
    cpp=(
        "float sum = 0, errors = 0;",
        "for (int k = 0; k < n; ++k) {",
        "  const float error = k == label ? 0.0f : y[label] - y[k] - lead;",
        "  sum += error * error;",
        "  errors += error;",
        "  grad[k] = -scale * error;",
        "}",
        "grad[label] = scale * errors;",
        "return 0.5f * sum;",
    ),
    numpy=_in_numpy,
)


class RelativeMeanSquareError(LabelLoss):
    r"""Squared error of the lead of the label's first spike over those of the others.

    .. math:: L = \frac{1}{2} \sum_{k \neq l} (t_k - t_l - \delta)^2

    ``t`` are times of first spikes [ms] (readout ``first_spike_time``), or the duration
    of the example for neurons that do not spike.

    Args:
        delta: lead [ms].
    """

    FORMULA: ClassVar[LossFormula] = RELATIVE_SQUARED_ERROR
    READOUTS: ClassVar[frozenset[Sensitivity]] = frozenset({Sensitivity.SPIKE_TIME})

    def __init__(self, delta: float) -> None:
        self.delta = number("RelativeMeanSquareError: delta", delta)

    def scalar(self, temperature: float, steps: int) -> float:
        """Returns the lead [ms]."""
        return self.delta
