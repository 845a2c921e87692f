"""Connectivity between populations."""

from ml_genn.connectivity.connectivity import Connectivity
from ml_genn.connectivity.dense import Dense
from ml_genn.connectivity.fixed_probability import FixedProbability
from ml_genn.connectivity.sparse import Sparse

__all__ = ["Connectivity", "Dense", "FixedProbability", "Sparse"]
