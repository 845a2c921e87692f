"""Losses of spike counts, rates and times of spiking outputs, against labels."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ml_genn.losses.loss import Loss
from ml_genn.model.plan import LossKind, Sensitivity
from ml_genn.utils.checks import not_negative, number
from ml_genn.utils.labels import checked_labels


class _LabelLoss(Loss):
    """Targets are labels: one whole number per example."""

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


def _wanted(
    labels: np.ndarray, size: int, correct: float, incorrect: float
) -> np.ndarray:
    """One number for the neuron of the label, another for the others."""
    hit = np.arange(size) == labels[:, None]
    return np.where(hit, correct, incorrect).astype(np.float32)


class SpikeCountMeanSquareError(_LabelLoss):
    r"""Squared error of numbers of spikes (readout ``spike_count``).

    .. math:: L = \frac{1}{K} \sum_k (n_k - n^*_k)^2

    Args:
        correct: spikes that the neuron of the label should fire.
        incorrect: spikes that the others should fire, 0 by default.
    """

    KIND: ClassVar[LossKind] = LossKind.SQUARED_ERROR
    READOUTS: ClassVar[frozenset[Sensitivity]] = frozenset({Sensitivity.SPIKES})

    def __init__(self, correct: float, incorrect: float = 0.0) -> None:
        name = type(self).__name__
        self.correct = not_negative(f"{name}: correct", correct)
        self.incorrect = not_negative(f"{name}: incorrect", incorrect)

    def encode(self, y: np.ndarray, *, steps: int, dt: float, size: int) -> np.ndarray:
        """Numbers of spikes, from labels."""
        return _wanted(y, size, self.correct, self.incorrect)


class SpikeRateMeanSquareError(SpikeCountMeanSquareError):
    r"""Squared error of firing rates (readout ``spike_count``), per time step.

    .. math:: L = \frac{1}{K} \sum_k \left(\frac{n_k}{T} - r^*_k \, dt\right)^2

    Args:
        correct: rate of the neuron of the label [Hz].
        incorrect: rate of the others [Hz], 0 by default.
    """

    def encode(self, y: np.ndarray, *, steps: int, dt: float, size: int) -> np.ndarray:
        """Numbers of spikes at the rates, from labels."""
        duration = steps * dt / 1000.0
        return _wanted(y, size, self.correct * duration, self.incorrect * duration)

    def number(self, temperature: float, steps: int) -> float:
        """What makes a squared number of spikes one of spikes per step."""
        return 1.0 / steps**2


class RelativeMeanSquareError(_LabelLoss):
    r"""The first spike of the right neuron leads those of the others by ``delta``.

    .. math:: L = \frac{1}{2} \sum_{k \neq l} (t_k - t_l - \delta)^2

    ``t`` are times of first spikes [ms] (readout ``first_spike_time``), the duration of
    the example where there was none.

    Args:
        delta: lead [ms].
    """

    KIND: ClassVar[LossKind] = LossKind.RELATIVE_SQUARED_ERROR
    READOUTS: ClassVar[frozenset[Sensitivity]] = frozenset({Sensitivity.SPIKE_TIME})

    def __init__(self, delta: float) -> None:
        self.delta = number("RelativeMeanSquareError: delta", delta)

    def number(self, temperature: float, steps: int) -> float:
        """The lead."""
        return self.delta
