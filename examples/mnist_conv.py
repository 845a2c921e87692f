"""Handwritten digits with a convolutional spiking network.

10,000 digits of MNIST, the last 2,000 of them for testing, are latency encoded (dark
pixels spike early). A convolution with 16 filters of 5 by 5 pixels leads to 12 by 12
pixels of leaky integrate-and-fire neurons, which lead to the outputs.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from ml_genn import InputLayer, Layer, SequentialNetwork
from ml_genn.callbacks import BatchProgressBar, Callback
from ml_genn.compilers import BPTTCompiler, EventPropCompiler
from ml_genn.connectivity import Conv2D, Dense
from ml_genn.initializers import Normal
from ml_genn.neurons import LeakyIntegrate
from ml_genn.optimisers import Adam
from ml_genn.synapses import Exponential
from ml_genn.utils.data import linear_latency_encode_data

NUM_TRAIN = 8000
EXAMPLE_TIME = 30  # time steps of 1 ms
RULES = {"bptt": BPTTCompiler, "eventprop": EventPropCompiler}
SHARED = Path(os.environ.get("ML_GENN_SHARED", Path(__file__).parents[2] / "shared"))
DATA = SHARED / "data" / "mnist10k.npz"


class Decay(Callback):
    """Lowers a learning rate after each epoch."""

    def __init__(self, optimiser: Adam, factor: float) -> None:
        self.optimiser = optimiser
        self.factor = factor

    def on_epoch_end(self, epoch: int, metrics: Any) -> None:
        """Lowers it."""
        self.optimiser.alpha *= self.factor


def parse_arguments() -> argparse.Namespace:
    """What the user asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rule", choices=sorted(RULES), default="eventprop")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, help="default: all processors")
    parser.add_argument("--data", type=Path, default=DATA)
    return parser.parse_args()


def build() -> SequentialNetwork:
    """28 by 28 inputs, 12 by 12 pixels of 16 hidden neurons, 10 outputs."""
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
    np.random.seed(args.seed)
    data = np.load(args.data)
    x = linear_latency_encode_data(data["images"], max_time=20.0)
    y = data["labels"].astype(int)
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
    callbacks = [BatchProgressBar(), Decay(optimiser, 0.85)]
    compiled.train(
        x[:NUM_TRAIN], y[:NUM_TRAIN], num_epochs=args.epochs, callbacks=callbacks
    )
    seconds = perf_counter() - start
    (metric,) = compiled.evaluate(x[NUM_TRAIN:], y[NUM_TRAIN:])[0].values()
    print(f"Trained for {args.epochs} epochs in {seconds:.1f} s.")
    print(f"Test accuracy: {100 * metric.result:.2f} %")


if __name__ == "__main__":
    main()
