"""Losses that training minimises."""

from ml_genn.losses.loss import Loss
from ml_genn.losses.mean_square_error import MeanSquareError
from ml_genn.losses.sparse_categorical_crossentropy import SparseCategoricalCrossentropy
from ml_genn.utils.module import aliases

default_losses: dict[str, type[Loss]] = aliases(
    MeanSquareError, SparseCategoricalCrossentropy
)

__all__ = ["Loss", "MeanSquareError", "SparseCategoricalCrossentropy", "default_losses"]
