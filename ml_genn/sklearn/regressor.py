"""Regressor for scikit-learn."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.validation import validate_data

from ml_genn.sklearn.estimator import SpikingEstimator


class SpikingRegressor(RegressorMixin, SpikingEstimator):  # type: ignore[misc]
    """Spiking network that predicts one number, or several, for each example.

    Targets are scaled inside to mean 0 and standard deviation 1.

    Args:
        **parameters: as for `SpikingEstimator`.
    """

    _LOSS = "mean_square_error"

    def fit(self, X: Any, y: Any) -> Self:
        """Trains a new network and returns the estimator.

        Args:
            X: array (examples, features) of finite numbers.
            y: targets, an array (examples,) or (examples, targets).

        Raises:
            ValueError: if the data are not such arrays, or a parameter is out of range.
        """
        x, y = validate_data(
            self, X, y, dtype=np.float64, multi_output=True, y_numeric=True
        )
        targets = np.asarray(y, dtype=np.float64)
        self._is_flat = targets.ndim == 1
        targets = targets.reshape(len(targets), -1)
        self._mean, deviation = targets.mean(axis=0), targets.std(axis=0)
        self._deviation = np.where(deviation > 0.0, deviation, 1.0)
        scaled = (targets - self._mean) / self._deviation
        return self._train(x, scaled, targets.shape[1])

    def predict(self, X: Any) -> np.ndarray:
        """Returns the prediction for each example, shaped as the targets of `fit`.

        Args:
            X: array (examples, features).
        """
        outputs = self._outputs(X) * self._deviation + self._mean
        predictions: np.ndarray = outputs[:, 0] if self._is_flat else outputs
        return predictions

    def __sklearn_tags__(self) -> Any:
        """Tags of scikit-learn: several targets are possible."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
