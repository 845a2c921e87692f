"""scikit-learn's own checks of estimators, all of which pass."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("sklearn", reason="extra 'sklearn'")
from sklearn.utils.estimator_checks import parametrize_with_checks

from ml_genn.sklearn import SpikingClassifier, SpikingRegressor

SMALL: dict[str, Any] = {
    "hidden_sizes": (16,),
    "max_iter": 20,
    "batch_size": 8,
    "learning_rate": 0.02,
    "num_threads": 1,
    "random_state": 0,
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")
@parametrize_with_checks([SpikingClassifier(**SMALL), SpikingRegressor(**SMALL)])
def test_checks_of_scikit_learn(estimator: Any, check: Any) -> None:
    assert check(estimator) is None
