"""Lowering of a network to a plan and its values."""

from ml_genn.lowering.network import Lowered, check_network, lower
from ml_genn.lowering.training import (
    Feedback,
    LossScalars,
    Training,
)

__all__ = [
    "Feedback",
    "LossScalars",
    "Lowered",
    "Training",
    "check_network",
    "lower",
]
