"""Masked arrays are refused wherever they enter: their masks would be ignored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from training.small_nets import STEPS, labels, small, spikes

from ml_genn import Connection, Network, Population
from ml_genn.compilers import InferenceCompiler
from ml_genn.connectivity import Dense
from ml_genn.data import PreprocessedSpikes
from ml_genn.errors import ValidationError
from ml_genn.metrics import MeanSquareError, SparseCategoricalAccuracy
from ml_genn.neurons import LeakyIntegrate, PoissonInput

RASTER = np.zeros((4, STEPS, 4))


def masked(values: Any) -> np.ma.MaskedArray[Any, Any]:
    """Returns a masked array whose first element is masked."""
    array = np.ma.array(values)
    array[(0,) * array.ndim] = np.ma.masked
    return array


def analog(x: Any) -> None:
    """Evaluates data of an input of numbers."""
    with Network() as network:
        source = Population(PoissonInput(), 4)
        Connection(source, Population(LeakyIntegrate(readout="var"), 2), Dense(1.0))
    InferenceCompiler(STEPS).compile(network).predict(x, callbacks=[])


def trained(x: Any, y: Any, **options: Any) -> None:
    """Trains on data."""
    small().compile_training().train(x, y, callbacks=[], **options)


USES: dict[str, Callable[[], Any]] = {
    "raster": lambda: trained(masked(RASTER), labels(4)),
    "rasters in a list": lambda: trained([masked(RASTER[0])] * 4, labels(4)),
    "spike times": lambda: trained(
        [PreprocessedSpikes(np.array([0, 1, 1, 1]), masked([1.0]))] * 4, labels(4)
    ),
    "numbers of spikes": lambda: trained(
        [PreprocessedSpikes(masked([1, 1, 1, 1]), np.array([1.0]))] * 4, labels(4)
    ),
    "labels": lambda: trained(spikes(4), masked(labels(4))),
    "sample weights": lambda: trained(
        spikes(4), labels(4), sample_weight=masked(np.ones(4))
    ),
    "validation data": lambda: trained(
        spikes(4), labels(4), validation_x=masked(RASTER), validation_y=labels(4)
    ),
    "batches": lambda: trained([(masked(RASTER), labels(4))], None),
    "numbers": lambda: analog(masked(np.ones((3, 4)))),
    "weights": lambda: Dense(masked(np.ones((3, 4)))),
    "labels of a metric": lambda: SparseCategoricalAccuracy().update(
        masked([0, 1]), np.eye(2)
    ),
    "values of a metric": lambda: MeanSquareError().update(
        masked([[0.0], [1.0]]), np.ones((2, 1))
    ),
}


@pytest.mark.parametrize("use", USES)
def test_masked_arrays_are_refused(use: str) -> None:
    with pytest.raises(ValidationError, match=r"masked array, whose mask would be"):
        USES[use]()
