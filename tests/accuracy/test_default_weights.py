"""A first network learns with default weights, on three tasks and by three rules."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml_genn import InputLayer, Layer, SequentialNetwork
from ml_genn.compilers import BPTTCompiler, EPropCompiler, EventPropCompiler
from ml_genn.connectivity import Dense
from ml_genn.data import linear_latency_encode_data, preprocess_spikes
from ml_genn.neurons import LeakyIntegrate
from ml_genn.synapses import Delta, Exponential

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("ML_GENN_SHARED", ROOT.parent / "shared")) / "data"
#: {rule: (compiler, synapse, readout)}
RULES: dict[str, tuple[type, Any, str]] = {
    "eventprop": (EventPropCompiler, Exponential(5.0), "avg_var"),
    "bptt": (BPTTCompiler, Exponential(5.0), "avg_var"),
    "eprop": (EPropCompiler, Delta(), "sum_var"),
}
HIDDEN = 128

pytestmark = pytest.mark.slow


def arrays(name: str) -> dict[str, np.ndarray]:
    """Returns the arrays of a file of the shared data."""
    path = DATA / name
    if not path.exists():
        pytest.skip(f"needs {name} in the folder of shared data")
    return dict(np.load(path))


def mnist() -> tuple[Any, np.ndarray, np.ndarray, int, int]:
    """Returns spikes, labels, flags of training, neurons and time steps."""
    data = arrays("mnist10k.npz")
    spikes = linear_latency_encode_data(data["images"], 20.0)
    return spikes, data["labels"], np.arange(10000) < 8000, 784, 30


def recordings(
    data: dict[str, np.ndarray], times: np.ndarray, ids: np.ndarray, sizes: Any
) -> list[Any]:
    """Returns the spikes of each recording before its end.

    Args:
        data: with ``offset`` of the recordings.
        times: of all events [ms].
        ids: neurons of all events.
        sizes: neurons and time steps.
    """
    spikes = []
    for start, end in pairwise(data["offset"]):
        own = times[start:end] - times[start:end].min()
        inside = own < sizes[1]
        spikes.append(preprocess_spikes(own[inside], ids[start:end][inside], sizes[0]))
    return spikes


def n_mnist() -> tuple[Any, np.ndarray, np.ndarray, int, int]:
    """Returns the same of recordings of an event camera."""
    data, sizes = arrays("nmnist1k.npz"), (34 * 34 * 2, 300)
    ids = (data["y"].astype(int) * 34 + data["x"]) * 2 + data["p"]
    spikes = recordings(data, data["t"] / 1000.0, ids, sizes)
    return spikes, data["label"], np.arange(len(spikes)) < 800, *sizes


def spoken_digits() -> tuple[Any, np.ndarray, np.ndarray, int, int]:
    """Returns the same of recordings of a model of the inner ear."""
    data, sizes = arrays("spoken_digits_spikes.npz"), (700, 500)
    spikes = recordings(data, 0.1 * data["time"], data["channel"], sizes)
    return spikes, data["label"], data["take"] >= 5, *sizes


@pytest.mark.parametrize(
    ("task", "rule", "epochs", "minimum"),
    [
        (mnist, "eventprop", 5, 0.86),
        (mnist, "bptt", 5, 0.88),
        (mnist, "eprop", 5, 0.91),
        (n_mnist, "bptt", 10, 0.76),
        (n_mnist, "eprop", 10, 0.82),
        (spoken_digits, "eprop", 5, 0.80),
    ],
)
def test_a_first_network_learns(
    task: Callable[[], Any], rule: str, epochs: int, minimum: float
) -> None:
    """Weights and optimiser are the defaults."""
    spikes, labels, training, neurons, steps = task()
    compiler, synapse, readout = RULES[rule]
    with SequentialNetwork() as network:
        InputLayer("spike_input", neurons)
        Layer(Dense(), "leaky_integrate_fire", HIDDEN, synapse)
        Layer(Dense(), LeakyIntegrate(readout=readout), 10, synapse)
    compiled = compiler(steps, "sparse_categorical_crossentropy", batch_size=32)
    compiled = compiled.compile(network)
    x, x_test = ([spikes[k] for k in np.flatnonzero(f)] for f in (training, ~training))
    y, y_test = labels[training].astype(int), labels[~training].astype(int)
    compiled.train(x, y, num_epochs=epochs, callbacks=[])
    metrics, _ = compiled.evaluate(x_test, y_test, callbacks=[])
    (metric,) = metrics.values()
    assert metric.result >= minimum
