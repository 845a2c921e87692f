"""Handwritten digits in latency code, trained by any learning rule.

Data: 10,000 digits of MNIST in the folder ``ML_GENN_SHARED``, or else scikit-learn's
8x8 digits. ``--dataset FOLDER`` downloads all of MNIST from OpenML.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
from sklearn.datasets import fetch_openml, load_digits

from ml_genn import InputLayer, Layer, SequentialNetwork
from ml_genn.communicators import MPI
from ml_genn.compilers import BPTTCompiler, EPropCompiler, EventPropCompiler
from ml_genn.connectivity import Dense
from ml_genn.data import PreprocessedSpikes, linear_latency_encode_data
from ml_genn.initializers import Normal
from ml_genn.neurons import LeakyIntegrate, LeakyIntegrateFire
from ml_genn.optimisers import Adam
from ml_genn.synapses import Delta, Exponential, Synapse

SHARED = Path(os.environ.get("ML_GENN_SHARED", Path(__file__).parents[2] / "shared"))
RULES = {"bptt": BPTTCompiler, "eprop": EPropCompiler, "eventprop": EventPropCompiler}

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--rule", choices=sorted(RULES), default="eventprop")
parser.add_argument("--augment", action="store_true", help="shift training images")
parser.add_argument(
    "--mpi", action="store_true", help="train with MPI (docs/processes.md)"
)
parser.add_argument("--dataset", type=Path, help="folder for all of MNIST")
parser.add_argument("--epochs", type=int, default=10)
parser.add_argument("--examples", type=int, help="how many; default: all")
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--threads", type=int, help="default: all processors")
args = parser.parse_args()

if args.dataset:
    try:
        mnist = fetch_openml("mnist_784", as_frame=False, data_home=args.dataset)
    except OSError as error:
        parser.exit(1, f"No download of MNIST ({error}). Leave out --dataset.\n")
    images, labels = mnist.data.reshape(-1, 28, 28), mnist.target.astype(int)
elif (SHARED / "data" / "mnist10k.npz").exists():
    mnist = np.load(SHARED / "data" / "mnist10k.npz")
    images, labels = mnist["images"], mnist["labels"].astype(int)
else:
    images, labels = load_digits().images * (255 / 16), load_digits().target
images, labels = images[: args.examples], labels[: args.examples]
rng = np.random.default_rng(args.seed)
num_train, num_inputs = len(images) * 4 // 5, images[0].size


def encode(images: np.ndarray) -> list[PreprocessedSpikes]:
    """Returns spikes: bright pixels spike early, dark ones not at all."""
    return linear_latency_encode_data(images, max_time=18.0, min_time=2.0, thresh=1)


def shift(image: np.ndarray) -> np.ndarray:
    """Returns an image shifted by up to a fourteenth of its size."""
    largest = max(1, image.shape[0] // 14)
    return np.roll(image, rng.integers(-largest, largest + 1, 2), (0, 1))


# Weights are larger for fewer inputs.
scale = (784 / num_inputs) ** 0.5
with SequentialNetwork() as network:
    InputLayer("spike_input", num_inputs)
    if args.rule == "eprop":  # e-prop is defined for delta synapses
        hidden = LeakyIntegrateFire(v_thresh=0.61, tau_refrac=5.0)
        synapse: Synapse = Delta()
        weights = Normal(sd=num_inputs**-0.5), Normal(sd=128**-0.5)
    else:
        hidden, synapse = LeakyIntegrateFire(v_thresh=1.0), Exponential(5.0)
        weights = Normal(0.078 * scale, 0.045 * scale), Normal(0.2, 0.37)
    Layer(Dense(weights[0]), hidden, 128, synapse)
    Layer(Dense(weights[1]), LeakyIntegrate(readout="avg_var"), 10, synapse)
compiled = RULES[args.rule](
    20,
    "sparse_categorical_crossentropy",
    Adam(0.003 if args.rule == "eprop" else 0.01),
    batch_size=32,
    rng_seed=args.seed,
    num_threads=args.threads,
    communicator=MPI() if args.mpi else None,
).compile(network)
for epoch in range(args.epochs if args.augment else 1):
    train = [shift(i) if args.augment else i for i in images[:num_train]]
    epochs = {"start_epoch": epoch, "num_epochs": 1 if args.augment else args.epochs}
    compiled.train(encode(np.array(train)), labels[:num_train], **epochs)
metrics, _ = compiled.evaluate(encode(images[num_train:]), labels[num_train:])
(accuracy,) = metrics.values()
if compiled.communicator is None or compiled.communicator.rank == 0:
    print(f"Test accuracy: {100 * accuracy.result:.2f} %")
