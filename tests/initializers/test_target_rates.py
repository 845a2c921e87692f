"""Weights are scaled until populations fire at the wanted rate."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ml_genn import Connection, Network, Population, scale_weights_to_rate
from ml_genn.callbacks import SpikeRecorder
from ml_genn.compilers import EventPropCompiler, InferenceCompiler
from ml_genn.connectivity import AvgPool2D, Dense
from ml_genn.errors import ValidationError
from ml_genn.initializers import HeNormal
from ml_genn.neurons import LeakyIntegrate
from ml_genn.synapses import Exponential

X = np.random.default_rng(0).random((16, 100, 40)) < 0.03


def two_layers(weight: Any = None) -> tuple[Network, list[Population]]:
    """Returns a network of two hidden layers, and these."""
    connectivity = Dense(HeNormal() if weight is None else weight)
    with Network() as network:
        inputs = Population("spike_input", 40)
        hidden = [
            Population("leaky_integrate_fire", 30, record_spikes=True) for _ in range(2)
        ]
        output = Population(LeakyIntegrate(readout="avg_var"), 2)
        for source, target in zip([inputs, *hidden], [*hidden, output], strict=True):
            Connection(source, target, connectivity, Exponential(5.0))
    return network, hidden


def measured(compiled: Any, hidden: list[Population]) -> list[float]:
    """Returns the mean rate [Hz] of each population."""
    recorders = [SpikeRecorder(p, key=str(p), record_counts=True) for p in hidden]
    _, data = compiled.predict(X, callbacks=recorders)
    return [float(np.mean(data[str(p)])) / 0.1 for p in hidden]


@pytest.mark.parametrize("sd", [1e-3, 1.0, 100.0])
def test_layers_fire_at_the_wanted_rate(sd: float) -> None:
    network, hidden = two_layers(HeNormal(sd))
    compiled = EventPropCompiler(100, "sparse_categorical_crossentropy")
    compiled = compiled.compile(network)
    rates = scale_weights_to_rate(compiled, X, 20.0)
    assert list(rates) == [p.name for p in hidden]
    assert measured(compiled, hidden) == pytest.approx([20.0, 20.0], rel=0.1)
    np.testing.assert_allclose(list(rates.values()), measured(compiled, hidden))


def test_rates_of_single_populations() -> None:
    network, hidden = two_layers(HeNormal(10.0))
    compiled = InferenceCompiler(100, batch_size=16).compile(network)
    before = compiled.weights(network.connections[0]).copy()
    assert list(scale_weights_to_rate(compiled, X, {hidden[1]: 5.0})) == ["Pop2"]
    np.testing.assert_array_equal(compiled.weights(network.connections[0]), before)
    assert measured(compiled, hidden)[1] == pytest.approx(5.0, rel=0.1)


def test_a_rate_that_cannot_be_reached_leaves_the_weights() -> None:
    network, _ = two_layers(-1.0)
    compiled = InferenceCompiler(100).compile(network)
    with pytest.raises(ValidationError, match=r"'Pop1' does not reach 10 Hz.* at 0 Hz"):
        scale_weights_to_rate(compiled, X)
    assert np.all(compiled.weights(network.connections[0]) == -1.0)


@pytest.mark.parametrize("rate", [0.0, -1.0, 1000.0])
def test_rates_out_of_range_are_refused(rate: float) -> None:
    network, _ = two_layers()
    compiled = InferenceCompiler(100).compile(network)
    with pytest.raises(ValidationError, match="rate of 'Pop1'"):
        scale_weights_to_rate(compiled, X, rate)


def test_fixed_weights_are_refused() -> None:
    with Network() as network:
        inputs = Population("spike_input", (4, 10, 1))
        hidden = Population("leaky_integrate_fire")
        Connection(inputs, hidden, AvgPool2D(2))
    compiled = InferenceCompiler(100).compile(network)
    with pytest.raises(ValidationError, match="no weights onto 'Pop1' can be changed"):
        scale_weights_to_rate(compiled, X.reshape(16, 100, 4, 10, 1))
