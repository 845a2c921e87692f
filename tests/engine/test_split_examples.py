"""Threads that share the neurons of one example give what one thread gives."""

import numpy as np
import pytest

from ml_genn import Connection, Network, Population
from ml_genn.backends.cpu.model import CpuModel
from ml_genn.callbacks import SpikeRecorder, VarRecorder
from ml_genn.codegen.layout import layout
from ml_genn.codegen.program import source
from ml_genn.compilers import (
    BPTTCompiler,
    EPropCompiler,
    EventPropCompiler,
    InferenceCompiler,
)
from ml_genn.connectivity import Dense, FixedProbability
from ml_genn.data import preprocess_spikes
from ml_genn.initializers import Normal
from ml_genn.neurons import LeakyIntegrate
from ml_genn.synapses import Delta, Exponential

STEPS = 25


@pytest.fixture(autouse=True)
def _small_networks_are_shared(monkeypatch):
    monkeypatch.setattr(layout, "MIN_NEURONS_TO_SPLIT", 1)


def network(hidden, sparse, delay, synapse=None, strength=1.0):
    """A recurrent network with the same weights each time; sparse: "all" of its
    synapses, or all but those to the output."""

    def connect(weight, delay=0):
        if sparse:
            return FixedProbability(0.3, weight, delay=delay)
        return Dense(weight, delay)

    with Network() as net:
        inputs = Population("spike_input", 30)
        middle = Population("leaky_integrate_fire", hidden, record_spikes=True)
        output = Population(LeakyIntegrate(readout="avg_var"), 4)
        synapse = synapse or Exponential(5.0)
        Connection(
            inputs, middle, connect(Normal(strength, strength / 2), delay), synapse
        )
        Connection(middle, middle, connect(Normal(0.0, 0.1)), synapse)
        last = connect if sparse == "all" else Dense
        Connection(middle, output, last(Normal(0.0, 0.3)), synapse)
    return net, middle, output


def spikes():
    rng = np.random.default_rng(4)
    times = np.sort(rng.integers(0, STEPS, 200))
    return [preprocess_spikes(times, rng.integers(0, 30, 200), 30)]


@pytest.mark.parametrize("hidden", [20, 300, 777])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("delay", [0, 3])
def test_inference_is_the_same(hidden, sparse, delay):
    net, middle, output = network(hidden, sparse, delay)
    results = []
    for threads in (1, 2, 3):
        compiled = InferenceCompiler(STEPS, num_threads=threads).compile(net)
        recorders = [
            SpikeRecorder(middle, key="spikes"),
            VarRecorder(output, "v", key="v"),
        ]
        predictions, recorded = compiled.predict(spikes(), output, callbacks=recorders)
        results.append((predictions[output], recorded))
    (alone, recorded), *teams = results
    assert sum(map(len, recorded["spikes"][0])) > 0
    for predictions, others in teams:
        np.testing.assert_allclose(predictions, alone, rtol=1e-5, atol=1e-6)
        for one, other in zip(recorded["spikes"], others["spikes"], strict=True):
            np.testing.assert_array_equal(one, other)
        np.testing.assert_allclose(others["v"], recorded["v"], rtol=1e-5, atol=1e-6)


SURROGATES = {
    "all": (BPTTCompiler, {}),
    "those near threshold": (BPTTCompiler, {"backward_threshold": 0.2}),
    "few": (BPTTCompiler, {"backward_threshold": 0.9}),
    "with the reset": (BPTTCompiler, {"reset_gradient": True}),
    "e-prop": (EPropCompiler, {}),
}


@pytest.mark.parametrize(
    ("active", "sparse", "delay"),
    [
        *((a, s, 0) for a in SURROGATES for s in (False, True, "all")),
        *(("all", s, 3) for s in (False, True)),
        ("few", False, 3),
    ],
)
def test_gradients_are_the_same(active, sparse, delay):
    compiler, options = SURROGATES[active]
    sent = (Delta(), 0.1) if compiler is EPropCompiler else (Exponential(5.0),)
    net, _, _ = network(300, sparse, delay, *sent)
    results = []
    for threads in (1, 2, 3):
        compiled = compiler(
            STEPS, "sparse_categorical_crossentropy", num_threads=threads, **options
        ).compile(net)
        assert "CAN_SPLIT_EXAMPLES = 1;" in source(layout.Layout(compiled.model.plan))
        results.append(compiled.gradients(spikes(), np.array([2])))
    alone, *teams = results
    for gradients in teams:
        for key, gradient in alone.items():
            assert np.abs(gradient).max() > 0
            np.testing.assert_allclose(gradients[key], gradient, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("sparse", [False, True, "all"])
@pytest.mark.parametrize("delay", [0, 3])
@pytest.mark.parametrize("gradient_window", [256, 7])
def test_gradients_of_events_are_the_same(sparse, delay, gradient_window, monkeypatch):
    monkeypatch.setattr(CpuModel, "gradient_window", gradient_window)
    net, middle, _ = network(300, sparse, delay)
    results = []
    for threads in (1, 2, 3):
        compiled = EventPropCompiler(
            STEPS, "sparse_categorical_crossentropy", num_threads=threads
        ).compile(net)
        assert "CAN_SPLIT_EXAMPLES = 1;" in source(layout.Layout(compiled.model.plan))
        adjoint = VarRecorder(middle, genn_var="lambda_v", key="adjoint")
        gradients = compiled.gradients(spikes(), np.array([2]))
        _, recorded = compiled.train(spikes(), np.array([2]), callbacks=[adjoint])
        results.append((gradients, recorded["adjoint"]))
    (alone, adjoint), *teams = results
    assert np.abs(adjoint).max() > 0
    for gradients, other in teams:
        np.testing.assert_allclose(other, adjoint, rtol=1e-4, atol=1e-8)
        for key, gradient in alone.items():
            assert np.abs(gradient).max() > 0
            np.testing.assert_allclose(gradients[key], gradient, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(("enough", "shareable"), [(300, 1), (301, 0)])
def test_too_few_neurons_are_not_shared(enough, shareable, monkeypatch):
    monkeypatch.setattr(layout, "MIN_NEURONS_TO_SPLIT", enough)
    net, _, _ = network(300, sparse=False, delay=0)
    plan = InferenceCompiler(STEPS, num_threads=1).compile(net).model.plan
    assert f"CAN_SPLIT_EXAMPLES = {shareable};" in source(layout.Layout(plan))
