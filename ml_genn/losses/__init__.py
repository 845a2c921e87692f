"""Losses that training minimises."""

from ml_genn.losses.cross_entropy import (
    CategoricalCrossentropy,
    SparseCategoricalCrossentropy,
)
from ml_genn.losses.loss import Loss
from ml_genn.losses.mean_absolute_error import MeanAbsoluteError
from ml_genn.losses.mean_square_error import MeanSquareError
from ml_genn.losses.relative_mean_square_error import RelativeMeanSquareError
from ml_genn.losses.spike_counts import (
    SpikeCountMeanSquareError,
    SpikeRateMeanSquareError,
)
from ml_genn.utils.module import aliases, needs_no_argument
from ml_genn.utils.synonyms import answer_names_of

#: Losses that compilers compose with readouts.
LOSSES: tuple[type[Loss], ...] = (
    CategoricalCrossentropy,
    MeanAbsoluteError,
    MeanSquareError,
    RelativeMeanSquareError,
    SparseCategoricalCrossentropy,
    SpikeCountMeanSquareError,
    SpikeRateMeanSquareError,
)

#: {name: class} of the losses that need no arguments.
default_losses: dict[str, type[Loss]] = aliases(*filter(needs_no_argument, LOSSES))

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

answer_names_of(__name__)
