"""Examples taken through the backward pass side by side do not touch each other."""

import numpy as np
import pytest

from ml_genn import Connection, Network, Population
from ml_genn.compilers import BPTTCompiler
from ml_genn.connectivity import Dense
from ml_genn.data import preprocess_spikes
from ml_genn.neurons import LeakyIntegrate
from ml_genn.synapses import Exponential

STEPS, HIDDEN, EXAMPLES = 30, 150, 11  # more than 2^14 recurrent weights


def compiled(batch_size, threads, backward_threshold):
    """A recurrent network with the same weights each time."""
    rng = np.random.default_rng(1)
    sizes = (40, HIDDEN, 5)
    weights = [
        rng.normal(0.5, 0.5, sizes[:2]),
        rng.normal(0.0, 0.1, (HIDDEN, HIDDEN)),
        rng.normal(0.0, 0.3, sizes[1:]),
    ]
    with Network() as network:
        inputs = Population("spike_input", sizes[0])
        hidden = Population("leaky_integrate_fire", sizes[1])
        output = Population(LeakyIntegrate(readout="avg_var"), sizes[2])
        ends = ((inputs, hidden), (hidden, hidden), (hidden, output))
        for (source, target), weight in zip(ends, weights, strict=True):
            Connection(source, target, Dense(weight), Exponential(5.0))
    return BPTTCompiler(
        STEPS,
        "sparse_categorical_crossentropy",
        batch_size=batch_size,
        num_threads=threads,
        backward_threshold=backward_threshold,
        reset_gradient=True,
    ).compile(network)


@pytest.mark.parametrize("backward_threshold", [None, 0.9, 0.4, 0.05])
def test_gradients_are_those_of_examples_on_their_own(backward_threshold):
    rng = np.random.default_rng(2)
    x = [
        preprocess_spikes(
            np.sort(rng.integers(0, STEPS, count)), rng.integers(0, 40, count), 40
        )
        for count in rng.integers(20, 400, EXAMPLES)
    ]
    y = rng.integers(0, 5, EXAMPLES)
    alone = compiled(1, 1, backward_threshold)
    each = [
        list(alone.gradients([one], np.array([label])).values())
        for one, label in zip(x, y, strict=True)
    ]
    for threads in (1, 2):
        network = compiled(EXAMPLES, threads, backward_threshold)
        for k, grads in enumerate(network.gradients(x, y).values()):
            mean = np.mean([gradients[k] for gradients in each], axis=0)
            assert np.abs(mean).max() > 0
            np.testing.assert_allclose(grads, mean, rtol=1e-4, atol=1e-6)
