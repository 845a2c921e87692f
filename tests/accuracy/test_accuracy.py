"""Minimum accuracies of networks trained on real tasks."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml_genn import InputLayer, Layer, SequentialNetwork
from ml_genn.callbacks import Callback
from ml_genn.compilers import BPTTCompiler, EPropCompiler, EventPropCompiler
from ml_genn.connectivity import Dense
from ml_genn.data import (
    calc_latest_spike_time,
    generate_yin_yang_dataset,
    linear_latency_encode_data,
    log_latency_encode_data,
)
from ml_genn.initializers import Normal
from ml_genn.neurons import LeakyIntegrate, LeakyIntegrateFire
from ml_genn.optimisers import Adam
from ml_genn.synapses import Exponential

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("ML_GENN_SHARED", ROOT.parent / "shared")) / "data"

pytestmark = pytest.mark.slow


class Decay(Callback):
    """Callback that multiplies a learning rate by a factor after each epoch."""

    def __init__(self, optimiser: Adam, factor: float) -> None:
        self.optimiser = optimiser
        self.factor = factor

    def on_epoch_end(self, epoch: int, metrics: Any) -> None:
        self.optimiser.alpha *= self.factor


def two_layers(
    sizes: tuple[int, int, int], first: Normal, second: Normal, tau: float
) -> SequentialNetwork:
    """Returns a network of spike inputs, a hidden layer and leaky outputs (mean)."""
    synapse = Exponential(tau)
    with SequentialNetwork() as network:
        InputLayer("spike_input", sizes[0])
        Layer(Dense(first), "leaky_integrate_fire", sizes[1], synapse)
        Layer(Dense(second), LeakyIntegrate(readout="avg_var"), sizes[2], synapse)
    return network


def trained(
    network: SequentialNetwork,
    x: Any,
    y: Any,
    *,
    epochs: int,
    rate: float,
    decay: float,
    **kwargs: Any,
) -> Any:
    """Trains a network by EventProp with Adam; returns the compiled network."""
    optimiser = Adam(rate)
    compiled = EventPropCompiler(
        losses="sparse_categorical_crossentropy",
        optimiser=optimiser,
        batch_size=32,
        **kwargs,
    ).compile(network)
    compiled.train(
        x, y, num_epochs=epochs, callbacks=[Decay(compiled.optimiser, decay)]
    )
    return compiled


def accuracy(compiled: Any, x: Any, y: Any) -> float:
    """Returns the fraction of correctly classified examples."""
    (metric,) = compiled.evaluate(x, y, callbacks=[])[0].values()
    return float(metric.result)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_digits_demo(seed: int, tmp_path: Path) -> None:
    picture = tmp_path / "digits.png"
    result = subprocess.run(
        [
            sys.executable,
            str(ROOT / "examples" / "digits.py"),
            f"--seed={seed}",
            f"--picture={picture}",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    match = re.search(r"Test accuracy: ([\d.]+) %", result.stdout)
    seconds = re.search(r"epochs in ([\d.]+) s", result.stdout)
    assert match is not None and float(match.group(1)) >= 96.0
    assert seconds is not None and float(seconds.group(1)) < 60.0
    assert picture.stat().st_size > 10_000
    assert " - accuracy 0." in result.stderr


def mnist() -> tuple[np.ndarray, np.ndarray]:
    """Returns images and labels of 10,000 digits."""
    path = DATA / "mnist10k.npz"
    if not path.exists():
        pytest.skip(f"needs {path.name} in the folder of shared data")
    data = np.load(path)
    return data["images"], data["labels"].astype(int)


def test_mnist() -> None:
    images, y = mnist()
    x = linear_latency_encode_data(images, 20.0)
    network = two_layers((784, 128, 10), Normal(0.078, 0.045), Normal(0.2, 0.37), 10.0)
    compiled = trained(
        network,
        x[:8000],
        y[:8000],
        epochs=20,
        rate=0.01,
        decay=0.9,
        example_timesteps=30,
    )
    assert accuracy(compiled, x[8000:], y[8000:]) >= 0.94


@pytest.mark.parametrize("threshold", [None, 0.9])
def test_mnist_with_surrogate_gradients(threshold: float | None) -> None:
    images, y = mnist()
    x = linear_latency_encode_data(images, 20.0)
    network = two_layers((784, 128, 10), Normal(0.078, 0.045), Normal(0.2, 0.37), 10.0)
    compiled = BPTTCompiler(
        30,
        "sparse_categorical_crossentropy",
        Adam(0.005),
        backward_threshold=threshold,
        batch_size=32,
    ).compile(network)
    compiled.train(x[:8000], y[:8000], num_epochs=15, callbacks=[])
    assert accuracy(compiled, x[8000:], y[8000:]) >= 0.93


def test_mnist_with_eprop() -> None:
    images, y = mnist()
    x = log_latency_encode_data(images, 20.0, 51)
    with SequentialNetwork() as network:
        InputLayer("spike_input", 784)
        hidden = LeakyIntegrateFire(v_thresh=0.61, tau_refrac=5.0)
        Layer(Dense(Normal(sd=784**-0.5)), hidden, 128)
        Layer(Dense(Normal(sd=128**-0.5)), LeakyIntegrate(readout="sum_var"), 10)
    compiled = EPropCompiler(
        int(np.ceil(calc_latest_spike_time(x))),
        "sparse_categorical_crossentropy",
        Adam(0.003),
        batch_size=32,
    ).compile(network)
    compiled.train(x[:8000], y[:8000], num_epochs=15, callbacks=[])
    assert accuracy(compiled, x[8000:], y[8000:]) >= 0.93


def test_yin_yang() -> None:
    x, y = generate_yin_yang_dataset(5000, 30.0, 2.0, seed=1)
    x_test, y_test = generate_yin_yang_dataset(1000, 30.0, 2.0, seed=2)
    network = two_layers((5, 200, 3), Normal(2.0, 1.5), Normal(0.0, 0.5), 5.0)
    compiled = trained(
        network, x, y, epochs=50, rate=0.005, decay=0.95, example_timesteps=400, dt=0.1
    )
    assert accuracy(compiled, x_test, y_test) >= 0.96
