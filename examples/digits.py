"""Handwritten digits with a spiking network: real data, trained in seconds.

scikit-learn's 8x8 digits are latency encoded (dark pixels spike early), one hidden
layer of leaky integrate-and-fire neurons is trained, and a picture shows the learning
curve and the spikes that one test digit causes. PyGeNN's own CPU backend runs one
example at a time:

    python examples/digits.py --backend pygenn --batch-size 1 --rate 0.001 --epochs 5
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import matplotlib
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from ml_genn import InputLayer, Layer, SequentialNetwork
from ml_genn.callbacks import BatchProgressBar, Callback, SpikeRecorder
from ml_genn.compilers import BPTTCompiler, EPropCompiler, EventPropCompiler
from ml_genn.connectivity import Dense
from ml_genn.data import linear_latency_encode_data
from ml_genn.initializers import Normal
from ml_genn.neurons import LeakyIntegrate
from ml_genn.optimisers import Adam
from ml_genn.synapses import Delta, Exponential, Synapse

NUM_HIDDEN = 256
EXAMPLE_TIME = 30  # time steps of 1 ms


@dataclass(frozen=True)
class Rule:
    """Compiler of a learning rule, and the synapses and weights of its network.

    Args:
        compiler: its class.
        synapse: of both connections; e-prop is defined for delta synapses.
        hidden, output: mean and standard deviation of initial weights.
        readout: of the output neurons.
    """

    compiler: type
    synapse: Synapse = field(default_factory=lambda: Exponential(10.0))
    hidden: tuple[float, float] = (0.3, 0.4)
    output: tuple[float, float] = (0.0, 0.3)
    readout: str = "avg_var"


RULES = {
    "bptt": Rule(BPTTCompiler),
    "eprop": Rule(EPropCompiler, Delta(), (0.06, 0.08), (0.0, 0.06), "sum_var"),
    "eventprop": Rule(EventPropCompiler),
}


class LearningCurve(Callback):
    """Loss and accuracy of each epoch."""

    def __init__(self) -> None:
        self.losses: list[float] = []
        self.accuracies: list[float] = []

    def on_epoch_end(self, epoch: int, metrics: Any) -> None:
        """Records loss and accuracy."""
        (accuracy,) = metrics.values()
        self.losses.append(metrics.loss)
        self.accuracies.append(100 * accuracy.result)


def parse_arguments() -> argparse.Namespace:
    """Returns the arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rule", choices=sorted(RULES), default="eventprop")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--rate", type=float, default=0.01, help="Adam's learning rate")
    parser.add_argument("--backend", help="default: ML_GENN_BACKEND, or cpu")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--picture", type=Path, default=Path("digits.png"))
    return parser.parse_args()


def load(seed: int) -> tuple[list[Any], list[Any], np.ndarray, np.ndarray]:
    """Returns training and test digits as spikes, and their labels."""
    digits = load_digits()
    images, test_images, labels, test_labels = train_test_split(
        digits.images,
        digits.target,
        test_size=0.2,
        random_state=seed,
        stratify=digits.target,
    )

    def encode(data: np.ndarray) -> list[Any]:
        return linear_latency_encode_data(data, max_time=20.0, thresh=0, max_value=16)

    return encode(images), encode(test_images), labels, test_labels


def build(rule: Rule) -> SequentialNetwork:
    """Returns a network of 64 inputs, a hidden layer and 10 outputs."""
    with SequentialNetwork() as network:
        InputLayer("spike_input", 64, record_spikes=True)
        Layer(
            Dense(Normal(*rule.hidden)),
            "leaky_integrate_fire",
            NUM_HIDDEN,
            rule.synapse,
            record_spikes=True,
        )
        Layer(
            Dense(Normal(*rule.output)),
            LeakyIntegrate(readout=rule.readout),
            10,
            rule.synapse,
        )
    return network


def draw(path: Path, curve: LearningCurve, rasters: Any, title: str) -> None:
    """Saves a picture of learning curve and spike raster."""
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    epochs = np.arange(1, len(curve.losses) + 1)
    left.plot(epochs, curve.losses, color="tab:blue")
    left.set(xlabel="epoch", title="Learning curve")
    left.set_ylabel("training loss", color="tab:blue")
    twin = left.twinx()
    twin.plot(epochs, curve.accuracies, color="tab:orange")
    twin.set_ylabel("training accuracy [%]", color="tab:orange")
    offset = 0
    for name, size in (("input", 64), ("hidden", NUM_HIDDEN)):
        (times,), (ids,) = rasters[name]
        right.scatter(times, ids + offset, s=4, label=name)
        offset += size
    right.set(xlabel="time [ms]", ylabel="neuron", title=title, xlim=(0, EXAMPLE_TIME))
    right.legend(loc="lower right")
    figure.savefig(path, dpi=120)


def main() -> None:
    """Trains, tests and draws."""
    args = parse_arguments()
    x, x_test, y, y_test = load(args.seed)
    rule = RULES[args.rule]
    network = build(rule)
    inputs, hidden, output = network.layers
    compiler = rule.compiler(
        EXAMPLE_TIME,
        "sparse_categorical_crossentropy",
        Adam(args.rate),
        batch_size=args.batch_size,
        rng_seed=args.seed,
        backend=args.backend,
    )
    compiled = compiler.compile(network)
    compiled.summary()

    start = perf_counter()
    curve = LearningCurve()
    bar = BatchProgressBar()
    compiled.train(x, y, num_epochs=args.epochs, callbacks=[bar, curve])
    seconds = perf_counter() - start
    recorders = [
        SpikeRecorder(inputs, key="input", example_filter=0),
        SpikeRecorder(hidden, key="hidden", example_filter=0),
    ]
    metrics, rasters = compiled.evaluate(x_test, y_test, callbacks=recorders)
    print(f"Trained for {args.epochs} epochs in {seconds:.1f} s.")
    print(f"Test accuracy: {100 * metrics[output].result:.2f} %")
    draw(args.picture, curve, rasters, f"Spikes of one test digit ({y_test[0]})")
    print(f"Picture: {args.picture.resolve()}")


if __name__ == "__main__":
    main()
