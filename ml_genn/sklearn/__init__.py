"""Spiking networks as estimators of scikit-learn.

``pip install 'ml_genn[sklearn]'`` installs scikit-learn.
"""

from importlib.util import find_spec

from ml_genn.errors import MissingLibraryError

if find_spec("sklearn") is None:
    raise MissingLibraryError(
        "ml_genn.sklearn needs scikit-learn: pip install 'ml_genn[sklearn]'."
    )

from ml_genn.sklearn.classifier import SpikingClassifier
from ml_genn.sklearn.regressor import SpikingRegressor

__all__ = ["SpikingClassifier", "SpikingRegressor"]
