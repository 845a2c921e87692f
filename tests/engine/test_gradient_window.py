"""Gradients do not depend on the number of steps after which they are summed."""

import numpy as np
import pytest

from ml_genn import Connection, Network, Population
from ml_genn.compilers import BPTTCompiler, EventPropCompiler
from ml_genn.connectivity import Dense, Sparse
from ml_genn.data import preprocess_spikes
from ml_genn.initializers import Normal
from ml_genn.neurons import LeakyIntegrate
from ml_genn.synapses import Exponential

STEPS, HIDDEN = 41, 37


def gradients(compiler, gradient_window, spikes, delay):
    """Gradients of all weights, summed after every ``gradient_window`` steps."""
    with Network() as network:
        inputs = Population("spike_input", 50)
        hidden = Population("leaky_integrate_fire", HIDDEN)
        output = Population(LeakyIntegrate(readout="avg_var"), 3)
        synapse = Exponential(5.0)
        Connection(inputs, hidden, Dense(Normal(3.0, 1.0), delay), synapse)
        Connection(hidden, hidden, Dense(Normal(0.0, 0.1)), synapse)
        Connection(hidden, output, Dense(Normal(0.0, 0.3), delay), synapse)
    compiled = compiler(
        STEPS, "sparse_categorical_crossentropy", batch_size=2, num_threads=2
    ).compile(network)
    compiled.model.gradient_window = gradient_window
    rng = np.random.default_rng(2)
    x = [
        preprocess_spikes(
            np.sort(rng.integers(0, STEPS, spikes)), rng.integers(0, 50, spikes), 50
        )
        for _ in range(3)
    ]
    return list(compiled.gradients(x, np.array([0, 2, 1])).values())


@pytest.mark.parametrize("compiler", [EventPropCompiler, BPTTCompiler])
@pytest.mark.parametrize("spikes", [20, 400])
@pytest.mark.parametrize("delay", [0, 5])
def test_gradients_do_not_depend_on_the_window(compiler, spikes, delay):
    whole = gradients(compiler, 1000, spikes, delay)
    assert any(np.abs(g).max() > 0 for g in whole)
    for gradient_window in (1, 7, STEPS):
        parts = gradients(compiler, gradient_window, spikes, delay)
        for one, other in zip(parts, whole, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-7)


def early(compiler, arguments, sparse):
    """A network compiled for one thread, whose hidden neurons soon fall silent."""
    with Network() as network:
        inputs = Population("spike_input", 50)
        hidden = Population("leaky_integrate_fire", HIDDEN)
        output = Population(LeakyIntegrate(readout="avg_var"), 3)
        rows, columns = np.nonzero(np.random.default_rng(3).random((50, HIDDEN)) < 0.5)
        weights = Normal(3.0, 1.0)
        into = Sparse(rows, columns, weights) if sparse else Dense(weights)
        Connection(inputs, hidden, into, Exponential(5.0))
        Connection(hidden, output, Dense(Normal(0.0, 0.3)), Exponential(5.0))
    return compiler(
        STEPS, "sparse_categorical_crossentropy", num_threads=1, **arguments
    ).compile(network)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize(
    ("compiler", "arguments"),
    [(EventPropCompiler, {}), (BPTTCompiler, {"backward_threshold": 0.3})],
)
def test_silence_at_the_end_leaves_nothing_of_the_example_before(
    compiler, arguments, sparse
):
    rng = np.random.default_rng(2)
    x = [
        preprocess_spikes(
            np.sort(rng.integers(0, until, spikes)), rng.integers(0, 50, spikes), 50
        )
        for until, spikes in ((STEPS, 300), (8, 60), (1, 0), (20, 150))
    ]
    y = np.array([0, 2, 1, 1])
    together = early(compiler, arguments | {"batch_size": 4}, sparse).gradients(x, y)
    alone = [
        early(compiler, arguments | {"batch_size": 1}, sparse).gradients([one], [label])
        for one, label in zip(x, y, strict=True)
    ]
    for actual, *parts in zip(
        together.values(), *(g.values() for g in alone), strict=True
    ):
        assert np.abs(parts[1]).max() > 0
        np.testing.assert_allclose(actual, np.mean(parts, axis=0), rtol=1e-4, atol=1e-8)
