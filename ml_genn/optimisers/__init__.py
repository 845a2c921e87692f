"""Optimisers."""

from ml_genn.optimisers.adam import Adam
from ml_genn.optimisers.optimiser import Optimiser
from ml_genn.utils.module import aliases

default_optimisers: dict[str, type[Optimiser]] = aliases(Adam)

__all__ = ["Adam", "Optimiser", "default_optimisers"]
