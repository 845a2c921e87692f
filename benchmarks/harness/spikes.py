"""Random input spikes, and the folder of data that are not part of the project."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ml_genn.data import PreprocessedSpikes, preprocess_spikes

#: Data sets and the hand-written program.
SHARED = Path(os.environ.get("ML_GENN_SHARED", Path(__file__).parents[3] / "shared"))
#: Input spikes per neuron and time step: about 4,000 in an example with 700 neurons
#: and 500 steps.
RATE = 11.4e-3


def random_raster(
    batch: int, steps: int, neurons: int, active_fraction: float = 1.0
) -> np.ndarray:
    """Returns random spikes as flags, (batch, steps, neurons).

    Args:
        batch, steps, neurons: shape.
        active_fraction: spikes fall into this first part of the steps; their expected
            number does not depend on it. 1 by default.
    """
    probability = np.zeros((steps, 1))
    probability[: round(active_fraction * steps)] = RATE / active_fraction
    return np.random.default_rng(0).random((batch, steps, neurons)) < probability


def to_examples(
    rasters: Iterable[np.ndarray], dt: float = 1.0
) -> list[PreprocessedSpikes]:
    """Converts rasters to the examples that a network takes.

    Args:
        rasters: flags (steps, neurons) of each example.
        dt: time step [ms], 1 by default.
    """

    def to_example(raster: np.ndarray) -> PreprocessedSpikes:
        steps, neurons = np.nonzero(raster)
        return preprocess_spikes(steps * dt, neurons, raster.shape[1])

    return [to_example(raster) for raster in rasters]
