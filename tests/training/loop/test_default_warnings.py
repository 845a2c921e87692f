"""Training warns of silent and saturated neurons, and of batches of one example."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from ml_genn import InputLayer, Layer, SequentialNetwork
from ml_genn.compilers import BPTTCompiler, EventPropCompiler, InferenceCompiler
from ml_genn.connectivity import Dense
from ml_genn.errors import DataWarning, TrainingWarning
from ml_genn.neurons import LeakyIntegrate
from ml_genn.synapses import Exponential

STEPS, INPUTS = 20, 8
LOSS = "sparse_categorical_crossentropy"


def examples(number: int, probability: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """Returns random spikes and labels."""
    rng = np.random.default_rng(0)
    return rng.random((number, STEPS, INPUTS)) < probability, np.arange(number) % 2


def compiled(weight: Any = None, compiler: type = BPTTCompiler, **options: Any) -> Any:
    """Returns a compiled network with ``weight`` onto its hidden layer."""
    with SequentialNetwork() as network:
        InputLayer("spike_input", INPUTS)
        first = Dense() if weight is None else Dense(weight)
        Layer(first, "leaky_integrate_fire", 6, Exponential(5.0), name="hidden")
        Layer(Dense(), LeakyIntegrate(readout="avg_var"), 2, Exponential(5.0))
    return compiler(STEPS, LOSS, **options).compile(network)


def warned(network: Any, number: int, probability: float = 0.1) -> list[str]:
    """Returns the warnings of two epochs of training."""
    with warnings.catch_warnings(record=True) as issued:
        warnings.simplefilter("always")
        x, y = examples(number, probability)
        network.train(x, y, num_epochs=2, callbacks=[])
    assert all(w.filename == __file__ for w in issued)
    assert all(issubclass(w.category, TrainingWarning) for w in issued)
    return [str(w.message) for w in issued]


@pytest.mark.parametrize("compiler", [BPTTCompiler, EventPropCompiler])
def test_silent_neurons_are_reported_once(compiler: type) -> None:
    network = compiled(-1.0, compiler, batch_size=32)
    (message,) = warned(network, 128)
    assert "'hidden': none of its 6 neurons spiked in the first epoch (128" in message
    assert "scale_weights_to_rate" in message


def test_saturated_neurons_are_reported_once() -> None:
    network = compiled(1000.0, BPTTCompiler, batch_size=32)
    (message,) = warned(network, 256, 0.3)
    assert "'hidden': its neurons spike in" in message
    assert "of the first 128 examples" in message


@pytest.mark.parametrize(("weight", "number"), [(None, 128), (-1.0, 96), (1e3, 96)])
def test_nothing_is_reported_otherwise(weight: Any, number: int) -> None:
    """Neurons that spike as they should, and trials with few examples."""
    assert warned(compiled(weight, batch_size=32), number) == []


def test_results_are_as_without_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights are equal bit for bit."""
    x, y = examples(128)
    weights = []
    for sample in (10**9, 0):
        monkeypatch.setattr("ml_genn.compiled.running.default_warnings.SAMPLE", sample)
        network = compiled(batch_size=32, num_threads=1)
        network.train(x, y, num_epochs=2, callbacks=[])
        weights.append(network.weights(network.network.connections[0]))
    np.testing.assert_array_equal(*weights)


def test_a_batch_size_that_was_forgotten_is_reported() -> None:
    (message,) = warned(compiled(), 1000)
    assert "1000 examples in batches of 1, the default of BPTTCompiler" in message


@pytest.mark.parametrize(
    ("options", "number"),
    [({"batch_size": 1}, 1000), ({}, 999), ({"batch_size": 2}, 1000)],
)
def test_other_batch_sizes_are_not_reported(options: Any, number: int) -> None:
    assert warned(compiled(**options), number) == []


@pytest.mark.parametrize(
    ("probability", "message"),
    [(0.0, "none of 32 examples has a spike"), (0.8, "80% of all neurons spike")],
)
def test_implausible_input_is_reported(probability: float, message: str) -> None:
    with SequentialNetwork() as network:
        InputLayer("spike_input", INPUTS, name="input")
        Layer(Dense(), LeakyIntegrate(readout="avg_var"), 2)
    network = InferenceCompiler(STEPS, batch_size=8).compile(network)
    x, _ = examples(32, probability)
    with pytest.warns(DataWarning, match=f"Data for 'input': {message}"):
        network.predict(x, callbacks=[])
    network.predict(x[:31], callbacks=[])  # a trial
