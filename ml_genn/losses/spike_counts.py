"""Squared errors of spike counts and firing rates, against labels."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ml_genn.losses.mean_square_error import SQUARED_ERROR
from ml_genn.losses.targets import LabelLoss, values_of_labels
from ml_genn.model.loss_formula import LossFormula
from ml_genn.model.plan import Sensitivity
from ml_genn.utils.checks import not_negative
from ml_genn.utils.time_steps import MS_PER_SECOND


class SpikeCountMeanSquareError(LabelLoss):
    r"""Squared error of numbers of spikes (readout ``spike_count``).

    .. math:: L = \frac{1}{K} \sum_k (n_k - n^*_k)^2

    Args:
        correct: spikes that the neuron of the label should fire.
        incorrect: spikes that the others should fire, 0 by default.
    """

    FORMULA: ClassVar[LossFormula] = SQUARED_ERROR
    READOUTS: ClassVar[frozenset[Sensitivity]] = frozenset({Sensitivity.SPIKES})

    def __init__(self, correct: float, incorrect: float = 0.0) -> None:
        name = type(self).__name__
        self.correct = not_negative(f"{name}: correct", correct)
        self.incorrect = not_negative(f"{name}: incorrect", incorrect)

    def encode(self, y: np.ndarray, *, steps: int, dt: float, size: int) -> np.ndarray:
        """Returns numbers of spikes (examples, neurons) of labels."""
        return values_of_labels(y, size, self.correct, self.incorrect)


class SpikeRateMeanSquareError(SpikeCountMeanSquareError):
    r"""Squared error of firing rates (readout ``spike_count``), per time step.

    .. math:: L = \frac{1}{K} \sum_k \left(\frac{n_k}{T} - r^*_k \, dt\right)^2

    Args:
        correct: rate of the neuron of the label [Hz].
        incorrect: rate of the others [Hz], 0 by default.
    """

    def encode(self, y: np.ndarray, *, steps: int, dt: float, size: int) -> np.ndarray:
        """Returns numbers of spikes (examples, neurons) at the rates, of labels."""
        duration = steps * dt / MS_PER_SECOND
        correct, incorrect = self.correct * duration, self.incorrect * duration
        return values_of_labels(y, size, correct, incorrect)

    def scalar(self, temperature: float, steps: int) -> float:
        """Returns the factor between squared spikes and squared spikes per step."""
        return 1.0 / steps**2
