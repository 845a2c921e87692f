"""The gradient of the rate regulariser is the derivative of its formula."""

from __future__ import annotations

import numpy as np

from ml_genn.model.rate_regularisation import RateRegularisation


def test_the_gradient_is_the_derivative_of_the_mean_loss() -> None:
    """Compared with differences of strength / 2 (n - target)^2, below and above."""
    regulariser = RateRegularisation(lower=0.3, upper=2.0, target=4.0)
    examples, spikes = 8, np.arange(1.0, 80.0)

    def loss(spikes: np.ndarray) -> np.ndarray:
        excess = spikes / examples - 4.0
        return np.where(excess > 0, 2.0, 0.3) / 2 * excess**2

    expected = (loss(spikes + 1e-4) - loss(spikes - 1e-4)) / 2e-4
    gradient = regulariser.gradient(spikes, 1 / examples)
    np.testing.assert_allclose(gradient, expected, atol=1e-5)
    assert gradient[0] < 0 < gradient[-1]
