"""Spike-Norm of networks: thresholds are the highest inputs of a time step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ml_genn import Connection, Network, Population
from ml_genn.compilers import InferenceCompiler
from ml_genn.connectivity import AvgPool2D, Dense, OneToOne
from ml_genn.errors import UnsupportedError
from ml_genn.initializers import Normal
from ml_genn.neurons import IntegrateFire, IntegrateFireInput, LeakyIntegrateFire
from ml_genn_tf.converters import spike_normalise

STEPS = 50
RNG = np.random.default_rng(5)
FIRST, SECOND = RNG.normal(0.2, 0.6, (6, 8)), RNG.normal(0.1, 0.4, (8, 5))
X = RNG.random((7, 6)).astype(np.float32)


def neuron(**arguments: Any) -> IntegrateFire:
    """Returns an integrate-and-fire neuron that resets by subtraction."""
    return IntegrateFire(relative_reset=True, **arguments)


def chain() -> tuple[Network, list[Population]]:
    """Returns a network of inputs, two layers with biases, and a voltage readout."""
    with Network() as network:
        populations = [
            Population(IntegrateFireInput(relative_reset=True), 6),
            Population(neuron(bias=0.1), 8),
            Population(neuron(bias=[0.0, 0.1, 0.2, -0.1, 0.0]), 5),
            Population(IntegrateFire(v_thresh=1e30, readout="var", bias=0.3), 5),
        ]
        Connection(populations[0], populations[1], Dense(FIRST))
        Connection(populations[1], populations[2], Dense(SECOND))
        Connection(populations[2], populations[3], OneToOne(1.0))
    return network, populations


def spikes_of(current: np.ndarray, threshold: float) -> np.ndarray:
    """Returns spikes (examples, steps, neurons) of neurons with an input current."""
    v, spikes = np.zeros_like(current[:, 0]), np.zeros_like(current)
    for step in range(current.shape[1]):
        v += current[:, step]
        spikes[:, step] = v >= threshold
        v -= threshold * spikes[:, step]
    return spikes


def synaptic_input(spikes: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Returns the input by spikes, delayed by one step."""
    current = np.zeros((*spikes.shape[:2], weight.shape[1]))
    current[:, 1:] = spikes[:, :-1] @ weight
    return current


def test_thresholds() -> None:
    """Thresholds are the highest inputs; biases are divided by the value of a spike."""
    network, (inputs, first, second, end) = chain()
    biases = second.neuron.bias
    batches = ((x, None) for x in (X[:4], X[4:]))
    spike_normalise(network, inputs, end, batches, STEPS, batch_size=4, num_threads=1)

    spikes = spikes_of(np.repeat(X[:, None], STEPS, 1).astype(np.float32), 1.0)
    current = synaptic_input(spikes, FIRST) + 0.1
    first_threshold = first.neuron.v_thresh
    assert first_threshold == pytest.approx(current.max(), rel=1e-5)
    current = synaptic_input(spikes_of(current, first_threshold), SECOND)
    current += np.asarray(biases) / first_threshold
    second_threshold = second.neuron.v_thresh
    assert second_threshold == pytest.approx(current.max(), rel=1e-5)
    assert second.neuron.bias == pytest.approx(np.asarray(biases) / first_threshold)
    assert end.neuron.v_thresh == 1e30
    assert end.neuron.bias == pytest.approx(0.3 / (first_threshold * second_threshold))


def test_num_batches() -> None:
    """Only num_batches batches are read."""
    network, (inputs, first, _, end) = chain()
    spike_normalise(network, inputs, end, iter([(0 * X, None), None]), 9, num_batches=1)
    assert first.neuron.v_thresh == pytest.approx(0.1)


def test_sources_with_different_thresholds() -> None:
    """Weights compensate for sources whose spikes have different values."""
    with Network() as network:
        inputs = Population(IntegrateFireInput(relative_reset=True), (2, 2, 1))
        left = Population(neuron(), (2, 2, 1))
        right = Population(neuron(), (2, 2, 1))
        end = Population(IntegrateFire(v_thresh=1e30, readout="var"), (1, 1, 1))
        Connection(inputs, left, OneToOne(4.0))
        Connection(inputs, right, OneToOne(0.5))
        Connection(left, end, Dense(0.25))
        pooled = Connection(right, end, AvgPool2D(2))
    x = np.array([[0.8, 0.4, 0.6, 0.2]]).reshape(1, 2, 2, 1)
    spike_normalise(network, [inputs], [end], [(x, None)], 100, num_threads=1)
    assert left.neuron.v_thresh == pytest.approx(4.0)
    assert right.neuron.v_thresh == pytest.approx(0.5)
    assert pooled.connectivity.weight == pytest.approx(np.full((2, 2, 1, 1), 0.25 / 8))
    count = InferenceCompiler(200, num_threads=1).compile(network).predict(x)[0][end]
    mean = x.mean()
    assert 4.0 * count.item() / 200 == pytest.approx(4.0 * mean + 0.5 * mean, rel=0.03)


def test_unsupported_networks() -> None:
    """Other neurons, and initializers of weights that must be scaled, are rejected."""
    with Network() as network:
        inputs = Population(IntegrateFireInput(), 2)
        leaky = Population(LeakyIntegrateFire(readout="spike_count"), 2, name="leaky")
        Connection(inputs, leaky, Dense(1.0))
    with pytest.raises(UnsupportedError, match="'leaky' has LeakyIntegrateFire"):
        spike_normalise(network, inputs, leaky, [(X[:, :2], None)], 5)
    with Network() as network:
        inputs = Population(IntegrateFireInput(), 2)
        first = Population(neuron(), 2)
        end = Population(neuron(readout="spike_count"), 2)
        Connection(inputs, first, Dense(3.0))
        Connection(inputs, end, Dense(1.0))
        Connection(first, end, Dense(Normal()))
    with pytest.raises(UnsupportedError, match="weights are numbers or arrays"):
        spike_normalise(network, inputs, end, [(X[:, :2], None)], 20)
