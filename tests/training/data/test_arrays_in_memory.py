"""Data in memory: their forms, batches and order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from training.data.batch_data import raster, trained_weights
from training.small_nets import (
    CLASSES,
    INPUTS,
    Spy,
    labels,
    small,
    spikes,
)

from ml_genn.data import PreprocessedSpikes

FORMS: dict[str, tuple[Any, Any]] = {
    "keyed by layers": (
        lambda n: {n.inputs: spikes(10)},
        lambda n: {n.output: labels(10)},
    ),
    "keyed by populations": (
        lambda n: {n.inputs.population(): spikes(10)},
        lambda n: {n.output.population(): labels(10)},
    ),
    "mixed": (lambda n: {n.inputs: spikes(10)}, labels(10)),
    "list of labels": (spikes(10), labels(10).tolist()),
    "labels that are whole floats": (spikes(10), labels(10).astype(float)),
    "tuple of examples": (tuple(spikes(10)), labels(10).astype(np.uint8)),
}


@pytest.mark.parametrize("form", FORMS)
def test_all_forms_of_data_train_alike(form: str, expected: np.ndarray) -> None:
    assert np.array_equal(trained_weights(*FORMS[form], num_epochs=2), expected)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.float64])
def test_arrays_of_spikes_equal_spike_times(dtype: Any) -> None:
    net = small()
    compiled = net.compile_inference()
    array = np.minimum(raster(spikes(6)), 1)
    examples = [_at_most_one_spike_per_step(example) for example in spikes(6)]
    from_array, _ = compiled.predict(array.astype(dtype), callbacks=[])
    from_spikes, _ = compiled.predict(examples, callbacks=[])
    assert np.array_equal(from_array[net.output], from_spikes[net.output])
    assert np.any(from_array[net.output] != 0)


def _at_most_one_spike_per_step(example: PreprocessedSpikes) -> PreprocessedSpikes:
    array = raster([example])[0] > 0
    times, counts = [], []
    for neuron in range(INPUTS):
        steps = np.flatnonzero(array[:, neuron])
        times.append(steps.astype(float))
        counts.append(len(steps))
    return PreprocessedSpikes(np.cumsum(counts), np.concatenate(times))


@pytest.mark.parametrize("batch_size", [1, 3, 10, 64])
def test_the_last_batch_may_be_smaller(batch_size: int) -> None:
    net = small()
    spy = Spy()
    compiled = net.compile_inference(batch_size=batch_size)
    predictions, _ = compiled.predict(spikes(10), callbacks=[spy])
    alone, _ = net.compile_inference(batch_size=1).predict(spikes(10), callbacks=[])
    assert predictions[net.output].shape == (10, CLASSES)
    np.testing.assert_allclose(
        predictions[net.output], alone[net.output], rtol=1e-6, atol=1e-7
    )
    assert spy.hooks.count("on_batch_end") == -(-10 // batch_size)
