"""Connectivity between populations."""

from ml_genn.connectivity.connectivity import Connectivity
from ml_genn.connectivity.dense import Dense

__all__ = ["Connectivity", "Dense"]
