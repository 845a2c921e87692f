"""Cross-entropy of a softmax, against labels or class probabilities."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ml_genn.losses.loss import Loss
from ml_genn.losses.targets import LabelLoss
from ml_genn.model.loss_formula import LossFormula, Targets, one_hot
from ml_genn.model.plan import Sensitivity
from ml_genn.utils.labels import checked_probabilities


def _probabilities_in_numpy(
    y: np.ndarray, target: np.ndarray, temperature: float
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the cross-entropy with class probabilities, and dL/dy."""
    z = (y - y.max(axis=-1, keepdims=True)) / temperature
    exp_z = np.exp(z)
    sum_exp = exp_z.sum(axis=-1, keepdims=True)
    loss = (target * (np.log(sum_exp) - z)).sum(axis=-1)
    target_sum = target.sum(axis=-1, keepdims=True)
    return loss, (target_sum * exp_z / sum_exp - target) / temperature


def _labels_in_numpy(
    y: np.ndarray, label: np.ndarray, temperature: float
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the cross-entropy with labels, and dL/dy."""
    return _probabilities_in_numpy(y, one_hot(label, y.shape[-1]), temperature)


#: Largest output, subtracted from all so that no exponential overflows.
_TOP = (
    "float top = y[0];",
    "for (int k = 1; k < n; ++k) top = y[k] > top ? y[k] : top;",
)
_LABELS_IN_CPP = (
    *_TOP,
    "float sum = 0;",
    "for (int k = 0; k < n; ++k) {",
    "  grad[k] = expf((y[k] - top) / temperature);",
    "  sum += grad[k];",
    "}",
    "for (int k = 0; k < n; ++k)",
    "  grad[k] = scale / temperature * (grad[k] / sum - (k == label ? 1.0f : 0.0f));",
    "return logf(sum) - (y[label] - top) / temperature;",
)
_PROBABILITIES_IN_CPP = (
    *_TOP,
    "float sum = 0, target_sum = 0, loss = 0;",
    "for (int k = 0; k < n; ++k) {",
    "  grad[k] = expf((y[k] - top) / temperature);",
    "  sum += grad[k];",
    "  target_sum += target[k];",
    "}",
    "for (int k = 0; k < n; ++k) {",
    "  loss += target[k] * (logf(sum) - (y[k] - top) / temperature);",
    "  grad[k] = scale / temperature * (target_sum * grad[k] / sum - target[k]);",
    "}",
    "return loss;",
)
#: One output neuron; ``target_`` is 1 at the label and 0 elsewhere, or a probability.
_IN_GENN = (
    "float top_ = y_;",
    "for (int k_ = 0; k_ < (int)num_neurons; k_++) {",
    "  top_ = fmaxf(top_, outputs_[first_ + k_]);",
    "}",
    "float sum_ = 0.0f;",
    "for (int k_ = 0; k_ < (int)num_neurons; k_++) {",
    "  sum_ += expf((outputs_[first_ + k_] - top_) / temperature_);",
    "}",
    "const float z_ = (y_ - top_) / temperature_;",
    "loss_ += target_ * (logf(sum_) - z_);",
    "grad_ = scale_ * (target_sum_ * expf(z_) / sum_ - target_) / temperature_;",
)

CROSS_ENTROPY = LossFormula(
    "cross_entropy",
    Targets.LABELS,
    scalar="temperature",
    cpp=_LABELS_IN_CPP,
    numpy=_labels_in_numpy,
    genn=_IN_GENN,
    late_spike_penalty=True,
)
SOFT_CROSS_ENTROPY = LossFormula(
    "soft_cross_entropy",
    Targets.PROBABILITIES,
    scalar="temperature",
    cpp=_PROBABILITIES_IN_CPP,
    numpy=_probabilities_in_numpy,
    genn=_IN_GENN,
)


class SparseCategoricalCrossentropy(LabelLoss):
    r"""Cross-entropy between the softmax of an output and a label.

    .. math:: L = -\log \frac{e^{y_l}}{\sum_k e^{y_k}}

    Targets are labels: one integer from 0 to (number of output neurons - 1) per
    example. Where the loss is computed in each step, also (examples, time steps), with
    -1 for steps without a label.
    """

    FORMULA: ClassVar[LossFormula] = CROSS_ENTROPY
    LEAST_NEURONS: ClassVar[int] = 2
    READOUTS: ClassVar[frozenset[Sensitivity]] = frozenset(Sensitivity)

    def scalar(self, temperature: float, steps: int) -> float:
        """Returns the temperature."""
        return temperature


class CategoricalCrossentropy(Loss):
    r"""Cross-entropy between the softmax of an output and class probabilities.

    .. math:: L = -\sum_k p_k \log \frac{e^{y_k}}{\sum_m e^{y_m}}

    Targets have the shape (examples, output neurons): one-hot, or probabilities whose
    sum is 1 (smoothed labels).
    """

    FORMULA: ClassVar[LossFormula] = SOFT_CROSS_ENTROPY
    LEAST_NEURONS: ClassVar[int] = 2
    METRIC: ClassVar[str] = "categorical_accuracy"

    def check_target(
        self,
        y: Any,
        where: str,
        *,
        steps: int,
        shape: tuple[int, ...],
        each_step: bool = False,
    ) -> np.ndarray:
        """Returns class probabilities as an array (examples, neurons)."""
        return checked_probabilities(where, y, int(np.prod(shape)))

    def scalar(self, temperature: float, steps: int) -> float:
        """Returns the temperature."""
        return temperature
