"""Digits: a trained network has the same accuracy when it is compiled for inference."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

from ml_genn import InputLayer, Layer, SequentialNetwork
from ml_genn.compilers import (
    BPTTCompiler,
    EPropCompiler,
    EventPropCompiler,
    InferenceCompiler,
)
from ml_genn.connectivity import Dense
from ml_genn.data import linear_latency_encode_data
from ml_genn.initializers import Normal
from ml_genn.neurons import LeakyIntegrate, LeakyIntegrateFire
from ml_genn.optimisers import Adam
from ml_genn.serialisers import Numpy
from ml_genn.synapses import Exponential

pytestmark = pytest.mark.slow

STEPS, TRAINED = 30, 1400
#: {rule: (compiler, arguments, mean and standard deviation of weights, synapse)}
RULES: dict[str, tuple[Any, dict[str, Any], tuple[float, float], Any]] = {
    "eventprop": (EventPropCompiler, {}, (0.3, 0.4), Exponential(5.0)),
    "bptt": (BPTTCompiler, {}, (0.3, 0.4), Exponential(5.0)),
    "eprop": (EPropCompiler, {}, (0.1, 0.2), "delta"),
    "eprop-online": (EPropCompiler, {"mode": "online"}, (0.1, 0.2), "delta"),
}


def network_of(rule: str) -> SequentialNetwork:
    """Returns a network whose choices are all left to the compiler."""
    _, _, weights, synapse = RULES[rule]
    with SequentialNetwork() as network:
        InputLayer("spike_input", 64)
        Layer(Dense(Normal(*weights)), LeakyIntegrateFire(), 100, synapse)
        output = LeakyIntegrate(readout="avg_var")
        Layer(Dense(Normal(sd=0.3)), output, 10, synapse)
    return network


@pytest.mark.parametrize("rule", RULES)
def test_accuracy_after_training_and_in_inference(rule: str, tmp_path: Path) -> None:
    x, y = load_digits(return_X_y=True)
    spikes = linear_latency_encode_data(x, STEPS - 5.0, 2.0, thresh=0, max_value=16)
    test = spikes[TRAINED:], y[TRAINED:]
    network, (compiler, options, *_) = network_of(rule), RULES[rule]
    compiled = compiler(
        STEPS,
        "sparse_categorical_crossentropy",
        Adam(0.01),
        batch_size=32,
        **options,
    ).compile(network)
    compiled.train(spikes[:TRAINED], y[:TRAINED], 5, callbacks=[])
    expected = accuracy(compiled, *test)
    assert expected > 0.75
    compiled.save((4,), Numpy(tmp_path))
    network.load((4,), Numpy(tmp_path))
    fresh = network_of(rule)
    fresh.load((4,), Numpy(tmp_path))
    for trained in (network, fresh, pickle.loads(pickle.dumps(fresh))):
        inference = InferenceCompiler(STEPS, batch_size=32).compile(trained)
        assert accuracy(inference, *test) == pytest.approx(expected, abs=0.003)


def accuracy(compiled: Any, x: Any, y: np.ndarray) -> float:
    metrics, _ = compiled.evaluate(x, y, callbacks=[])
    (metric,) = metrics.values()
    return float(metric.result)
