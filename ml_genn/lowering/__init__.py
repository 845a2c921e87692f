"""From a network to a plan and its numbers."""

from ml_genn.lowering.network import Lowered, check_network, lower
from ml_genn.lowering.training import Feedback, Training

__all__ = ["Feedback", "Lowered", "Training", "check_network", "lower"]
