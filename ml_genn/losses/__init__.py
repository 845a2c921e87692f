"""Losses that training minimises."""

from ml_genn.losses.crossentropy import (
    CategoricalCrossentropy,
    SparseCategoricalCrossentropy,
)
from ml_genn.losses.loss import Loss
from ml_genn.losses.spikes import (
    RelativeMeanSquareError,
    SpikeCountMeanSquareError,
    SpikeRateMeanSquareError,
)
from ml_genn.losses.values import MeanAbsoluteError, MeanSquareError
from ml_genn.utils.module import aliases

#: Every loss, which compilers compose with readouts.
LOSSES: tuple[type[Loss], ...] = (
    CategoricalCrossentropy,
    MeanAbsoluteError,
    MeanSquareError,
    RelativeMeanSquareError,
    SparseCategoricalCrossentropy,
    SpikeCountMeanSquareError,
    SpikeRateMeanSquareError,
)

#: {name: class} of what may be asked for by name.
default_losses: dict[str, type[Loss]] = aliases(
    CategoricalCrossentropy,
    MeanAbsoluteError,
    MeanSquareError,
    SparseCategoricalCrossentropy,
)

__all__ = [
    "LOSSES",
    "CategoricalCrossentropy",
    "Loss",
    "MeanAbsoluteError",
    "MeanSquareError",
    "RelativeMeanSquareError",
    "SparseCategoricalCrossentropy",
    "SpikeCountMeanSquareError",
    "SpikeRateMeanSquareError",
    "default_losses",
]
