"""Threads that are through run examples of others forward: nothing changes by it."""

import numpy as np
import pytest

from ml_genn import Connection, Network, Population
from ml_genn.callbacks import SpikeRecorder
from ml_genn.compilers import (
    BPTTCompiler,
    EPropCompiler,
    EventPropCompiler,
    InferenceCompiler,
)
from ml_genn.connectivity import Dense
from ml_genn.data import preprocess_spikes
from ml_genn.initializers import Normal
from ml_genn.neurons import LeakyIntegrate
from ml_genn.synapses import Delta, Exponential

STEPS, LOUD, BATCH = 60, 20, 26
COMPILERS = {
    "EventProp": (EventPropCompiler, {}),
    "EventProp, regularised": (
        EventPropCompiler,
        {"reg_lambda_upper": 1e-3, "reg_nu_upper": 2},
    ),
    "BPTT": (BPTTCompiler, {}),
    "BPTT, sparse": (BPTTCompiler, {"backward_threshold": 0.5}),
    "e-prop": (EPropCompiler, {}),
    "e-prop, online": (EPropCompiler, {"mode": "online"}),
}


def network(kind):
    """Half of the inputs make the hidden neurons spike, the others do nothing."""
    with Network() as net:
        inputs = Population("spike_input", 2 * LOUD)
        hidden = Population("leaky_integrate_fire", 100, record_spikes=True)
        output = Population(LeakyIntegrate(readout="avg_var"), 4)
        weights = np.random.default_rng(0).normal(1.0, 0.3, (2 * LOUD, 100))
        weights[LOUD:] = 0.0
        synapse = Delta() if kind.startswith("e-prop") else Exponential(5.0)
        Connection(inputs, hidden, Dense(weights), synapse)
        Connection(hidden, hidden, Dense(Normal(0.0, 0.1)), synapse)
        Connection(hidden, output, Dense(Normal(0.0, 0.3)), synapse)
    return net, hidden


def examples():
    """As many spikes in each; two threads get the loud ones and the others."""
    rng = np.random.default_rng(6)
    results = []
    for k in range(BATCH):
        times = np.sort(rng.integers(0, STEPS, 150))
        ids = rng.integers(0, LOUD, 150) + LOUD * (k % 2)
        results.append(preprocess_spikes(times, ids, 2 * LOUD))
    return results, rng.integers(0, 4, BATCH)


def compiled(kind, threads):
    compiler, options = COMPILERS[kind]
    return compiler(
        STEPS,
        "sparse_categorical_crossentropy",
        batch_size=BATCH,
        num_threads=threads,
        **options,
    ).compile(network(kind)[0])


@pytest.mark.parametrize("kind", COMPILERS)
def test_gradients_are_those_of_one_thread_and_always_the_same(kind):
    x, y = examples()
    alone = list(compiled(kind, 1).gradients(x, y).values())
    assert any(np.any(gradient) for gradient in alone)
    for threads in (2, 3):
        model = compiled(kind, threads)
        first = list(model.gradients(x, y).values())
        for one, several in zip(alone, first, strict=True):
            scale = np.abs(one).max()
            np.testing.assert_allclose(several, one, rtol=1e-4, atol=1e-5 * scale)
        for _ in range(8):
            for a, b in zip(first, model.gradients(x, y).values(), strict=True):
                np.testing.assert_array_equal(a, b)


def test_inference_is_that_of_one_thread():
    x, _ = examples()
    result_list = []
    for threads in (1, 2, 3):
        net, hidden = network("inference")
        model = InferenceCompiler(STEPS, batch_size=BATCH, num_threads=threads)
        recorder = SpikeRecorder(hidden, key="spikes")
        runs = model.compile(net)
        results, data = runs.predict(x, callbacks=[recorder])
        silent, _ = runs.predict(x)
        times, ids = data["spikes"]
        (result,), (other,) = results.values(), silent.values()
        np.testing.assert_array_equal(result, other)
        result_list.append((result, np.concatenate(times), np.concatenate(ids)))
    assert result_list[0][1].size > 1000
    for other in result_list[1:]:
        for one, several in zip(result_list[0], other, strict=True):
            np.testing.assert_array_equal(one, several)
