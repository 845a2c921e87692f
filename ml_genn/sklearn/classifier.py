"""Classifier for scikit-learn."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from ml_genn.sklearn.estimator import SpikingEstimator


class SpikingClassifier(ClassifierMixin, SpikingEstimator):  # type: ignore[misc]
    """Spiking network that classifies arrays of numbers.

    >>> from ml_genn.sklearn import SpikingClassifier
    >>> x = [[0.0, 0.1], [0.2, 0.0], [0.9, 1.0], [1.0, 0.8]]
    >>> classifier = SpikingClassifier((16,), random_state=0)
    >>> classifier.fit(x, ["low", "low", "high", "high"]).predict([[0.1, 0.1]])
    array(['low'], dtype='<U4')

    Args:
        **parameters: as for `SpikingEstimator`.

    Attributes:
        classes_: labels of the classes.
    """

    _LOSS = "sparse_categorical_crossentropy"

    def fit(self, X: Any, y: Any) -> Self:
        """Trains a new network and returns the estimator.

        Args:
            X: array (examples, features) of finite numbers.
            y: label of each example.

        Raises:
            ValueError: if the data are not such arrays, or a parameter is out of range.
        """
        x, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        return self._train(x, labels, max(2, len(self.classes_)), classes=labels)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Returns the probability of each class: an array (examples, classes).

        Args:
            X: array (examples, features).
        """
        outputs = self._outputs(X)[:, : len(self.classes_)]
        exponentials = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        probabilities: np.ndarray = exponentials / exponentials.sum(
            axis=1, keepdims=True
        )
        return probabilities

    def predict(self, X: Any) -> np.ndarray:
        """Returns the label of each example.

        Args:
            X: array (examples, features).
        """
        probabilities = self.predict_proba(X)
        labels: np.ndarray = self.classes_[probabilities.argmax(axis=1)]
        return labels
