"""Handwritten digits with a convolutional spiking network.

Digits, a fifth of them for testing, are latency encoded (dark pixels spike early). A
convolution with 16 filters of 5 by 5 pixels connects them to 12 by 12 pixels of leaky
integrate-and-fire neurons, which are connected to the outputs.

Data: 10,000 digits of MNIST in the folder ``ML_GENN_SHARED``, or else scikit-learn's
8x8 digits, enlarged. ``--dataset FOLDER`` downloads all of MNIST from
OpenML.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from sklearn.datasets import fetch_openml, load_digits

from ml_genn import InputLayer, Layer, SequentialNetwork
from ml_genn.callbacks import BatchProgressBar, Callback
from ml_genn.compilers import BPTTCompiler, EventPropCompiler
from ml_genn.connectivity import Conv2D, Dense
from ml_genn.data import linear_latency_encode_data
from ml_genn.initializers import Normal
from ml_genn.neurons import LeakyIntegrate
from ml_genn.optimisers import Adam
from ml_genn.synapses import Exponential

EXAMPLE_TIME = 30  # time steps of 1 ms
RULES = {"bptt": BPTTCompiler, "eventprop": EventPropCompiler}
SHARED = Path(os.environ.get("ML_GENN_SHARED", Path(__file__).parents[2] / "shared"))


class ExponentialDecay(Callback):
    """Multiplies a learning rate by a factor after each epoch."""

    def __init__(self, optimiser: Any, factor: float) -> None:
        self.optimiser = optimiser
        self.factor = factor

    def on_epoch_end(self, epoch: int, metrics: Any) -> None:
        """Multiplies the rate."""
        self.optimiser.alpha *= self.factor


def parse_arguments() -> argparse.Namespace:
    """Returns the arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rule", choices=sorted(RULES), default="eventprop")
    parser.add_argument("--dataset", type=Path, help="folder for all of MNIST")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--examples", type=int, help="how many; default: all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, help="default: all processors")
    return parser.parse_args()


def load(folder: Path | None) -> tuple[np.ndarray, np.ndarray]:
    """Returns images of 28 by 28 pixels from 0 to 255, and their digits."""
    shared = SHARED / "data" / "mnist10k.npz"
    if folder:
        try:
            mnist = fetch_openml("mnist_784", as_frame=False, data_home=folder)
        except OSError as error:
            sys.exit(f"No download of MNIST ({error}). Leave out --dataset.")
        return mnist.data.reshape(-1, 28, 28), mnist.target.astype(int)
    if shared.exists():
        data = np.load(shared)
        return data["images"], data["labels"].astype(int)
    images, labels = load_digits().images * (255 / 16), load_digits().target
    return np.pad(images.repeat(3, 1).repeat(3, 2), ((0, 0), (2, 2), (2, 2))), labels


def build() -> SequentialNetwork:
    """Returns a network: 28x28 inputs, 12x12x16 hidden neurons, 10 outputs."""
    synapse = Exponential(10.0)
    with SequentialNetwork() as network:
        InputLayer("spike_input", (28, 28, 1))
        Layer(
            Conv2D(Normal(0.3, 0.8), filters=16, conv_size=5, conv_strides=2),
            "leaky_integrate_fire",
            synapse=synapse,
        )
        Layer(Dense(Normal(sd=0.05)), LeakyIntegrate(readout="avg_var"), 10, synapse)
    return network


def main() -> None:
    """Trains and tests."""
    args = parse_arguments()
    images, y = (part[: args.examples] for part in load(args.dataset))
    x = linear_latency_encode_data(images, max_time=20.0)
    num_train = len(x) * 4 // 5
    optimiser = Adam(0.01)
    compiled = RULES[args.rule](
        EXAMPLE_TIME,
        "sparse_categorical_crossentropy",
        optimiser,
        batch_size=32,
        rng_seed=args.seed,
        num_threads=args.threads,
    ).compile(build())
    compiled.summary()

    start = perf_counter()
    callbacks = [BatchProgressBar(), ExponentialDecay(compiled.optimiser, 0.85)]
    compiled.train(
        x[:num_train], y[:num_train], num_epochs=args.epochs, callbacks=callbacks
    )
    seconds = perf_counter() - start
    (metric,) = compiled.evaluate(x[num_train:], y[num_train:])[0].values()
    print(f"Trained for {args.epochs} epochs in {seconds:.1f} s.")
    print(f"Test accuracy: {100 * metric.result:.2f} %")


if __name__ == "__main__":
    main()
