"""Regularisation of firing rates: its numbers, and its gradient for all backends.

A neuron with on average n spikes in an example adds to the loss

    strength / 2 (n - target)^2

with one strength below the target and one above. C++ and NumPy are made of the
expressions here.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ml_genn.model.equations.expression import evaluate

#: Mean number of spikes minus the target, from a neuron's spikes in all examples.
EXCESS = "spikes * scale - target"
#: Derivative of the mean of the loss over examples by one spike of the neuron.
GRADIENT = "where(excess > 0, upper, lower) * excess * scale"


class RateRegularisation(NamedTuple):
    """Regularisation of a population's firing rates towards a target.

    Attributes:
        lower, upper: strengths for neurons that fire less or more than the target.
        target: spikes per neuron and example.
    """

    lower: float
    upper: float
    target: float

    def gradient(self, spikes: np.ndarray, scale: float) -> np.ndarray:
        """Returns the derivative of the loss by one spike of each neuron.

        Args:
            spikes: spikes of each neuron in all examples.
            scale: 1 / examples.
        """
        numbers = {**self._asdict(), "spikes": spikes, "scale": scale}
        return evaluate(GRADIENT, {**numbers, "excess": evaluate(EXCESS, numbers)})
