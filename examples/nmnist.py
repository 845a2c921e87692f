"""Digits recorded by a moving event camera (N-MNIST), streamed into training.

Data: synthetic recordings of scikit-learn's 8x8 digits, moved as N-MNIST's were;
``--dataset FOLDER`` downloads N-MNIST through Tonic.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.datasets import load_digits

from ml_genn import InputLayer, Layer, SequentialNetwork
from ml_genn.compilers import BPTTCompiler
from ml_genn.connectivity import Dense
from ml_genn.data import preprocess_tonic_spikes
from ml_genn.initializers import Normal
from ml_genn.neurons import LeakyIntegrate
from ml_genn.optimisers import Adam
from ml_genn.synapses import Exponential

EVENT = [("x", "i8"), ("y", "i8"), ("t", "i8"), ("p", "i8")]
parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--dataset", help="folder for N-MNIST")
parser.add_argument("--epochs", type=int, default=10)
parser.add_argument("--examples", type=int, help="how many; default: all")
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--threads", type=int, help="default: all processors")
args = parser.parse_args()
rng = np.random.default_rng(args.seed)


def record(image: np.ndarray) -> np.ndarray:
    """Returns events of pixels that change brightness on a path of three strokes."""
    frame, events = np.pad(image > 4, 2).repeat(2, 0).repeat(2, 1), []
    strokes = [(1, 1)] * 3 + [(0, -1)] * 3 + [(-1, 0)] * 3
    for step, stroke in enumerate(strokes):
        moved = np.roll(frame, stroke, (0, 1))
        for polarity, changed in enumerate((frame & ~moved, moved & ~frame)):
            for y, x in np.argwhere(changed):
                events.append((x, y, 30_000 * step + rng.integers(20_000), polarity))
        frame = moved
    return np.sort(np.array(events, EVENT), order="t")


@dataclass
class Recordings:
    """Batches of recordings, converted to spikes when they are needed."""

    data: Any  # (events, label) by index
    size: tuple[int, int, int]
    order: np.ndarray

    def __len__(self) -> int:
        return -(-len(self.order) // 32)

    def __iter__(self) -> Iterator[tuple[list[Any], np.ndarray]]:
        for batch in np.array_split(rng.permutation(self.order), len(self)):
            examples = [self.data[int(k)] for k in batch]
            spikes = [
                preprocess_tonic_spikes(e, "xytp", self.size) for e, _ in examples
            ]
            yield spikes, np.array([label for _, label in examples])


if args.dataset:
    try:
        from tonic.datasets import NMNIST

        data = [NMNIST(args.dataset, train=train) for train in (True, False)]
    except ImportError:
        parser.exit(1, "Tonic reads the data: pip install 'ml_genn[tonic]'.\n")
    except (OSError, RuntimeError) as error:
        parser.exit(
            1,
            f"No download ({error}). Get train.zip and test.zip elsewhere, "
            f"put them in {args.dataset}/NMNIST and try again.\n",
        )
    size = NMNIST.sensor_size
else:
    images, labels = load_digits(return_X_y=True)
    parts = np.r_[:1400][: args.examples], np.r_[1400:1797][: args.examples]
    data = [[(record(images[k].reshape(8, 8)), labels[k]) for k in p] for p in parts]
    size = 24, 24, 2
train, test = (
    Recordings(part, size, rng.permutation(len(part))[: args.examples]) for part in data
)
with SequentialNetwork() as network:
    InputLayer("spike_input", int(np.prod(size)))
    weight = Normal(0.1, 0.2)
    Layer(Dense(weight), "leaky_integrate_fire", 128, Exponential(20.0))
    Layer(Dense(Normal(0.0, 0.3)), LeakyIntegrate(readout="avg_var"), 10, Exponential())
compiled = BPTTCompiler(
    120,
    "sparse_categorical_crossentropy",
    Adam(0.003),
    dt=3.0,
    batch_size=32,
    rng_seed=args.seed,
    num_threads=args.threads,
).compile(network)
compiled.train(train, num_epochs=args.epochs)
metrics, _ = compiled.evaluate(test)
(accuracy,) = metrics.values()
print(f"Test accuracy: {100 * accuracy.result:.2f} %")
