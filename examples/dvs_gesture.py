"""Gestures recorded by an event camera, with a convolution over both polarities.

Data: a synthetic bar that moves up, down, left or right; ``--dataset FOLDER`` downloads
the DVS128 Gesture data set through Tonic.
"""

from __future__ import annotations

import argparse

import numpy as np

from ml_genn import InputLayer, Layer, SequentialNetwork
from ml_genn.compilers import BPTTCompiler
from ml_genn.connectivity import Conv2D, Dense
from ml_genn.data import preprocess_tonic_spikes
from ml_genn.initializers import Normal
from ml_genn.neurons import LeakyIntegrate
from ml_genn.optimisers import Adam
from ml_genn.synapses import Exponential

EVENT = [("x", "i8"), ("y", "i8"), ("t", "i8"), ("p", "i8")]
PIXELS, DT, STEPS = 16, 10.0, 100  # DT [ms]

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--dataset", help="folder for DVS128 Gesture")
parser.add_argument("--epochs", type=int, default=10)
parser.add_argument("--examples", type=int, help="how many; default: all")
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--threads", type=int, help="default: all processors")
args = parser.parse_args()
rng = np.random.default_rng(args.seed)


def gesture(direction: int) -> np.ndarray:
    """Returns events of a bar that crosses the image, bright at its front."""
    t = np.sort(rng.integers(0, 990_000, 800))
    front = (PIXELS + 4) * t / 1e6 * rng.uniform(0.8, 1.2) - rng.uniform(0, 3)
    polarity = rng.integers(0, 2, t.size)
    along = np.floor(front - 3 * (polarity == 0) + rng.normal(0, 0.5, t.size))
    inside = (along >= 0) & (along < PIXELS)
    along = along if direction % 2 else PIXELS - 1 - along
    across = rng.integers(0, PIXELS, t.size)
    position = (along, across) if direction < 2 else (across, along)
    columns = zip(*position, t, polarity, strict=True)
    events: np.ndarray = np.array(list(columns), EVENT)
    return np.asarray(events[inside])


if args.dataset:
    try:
        from tonic.datasets import DVSGesture
        from tonic.transforms import Compose, CropTime, Downsample

        small = Compose(
            [CropTime(max=990_000), Downsample(spatial_factor=PIXELS / 128)]
        )
        sets = [DVSGesture(args.dataset, t, transform=small) for t in (True, False)]
        data = [list(part) for part in sets]
    except ImportError:
        parser.exit(1, "Tonic reads the data: pip install 'ml_genn[tonic]'.\n")
    except (OSError, RuntimeError) as error:
        parser.exit(
            1,
            f"No download ({error}). Get ibmGestureTrain.tar.gz and "
            f"ibmGestureTest.tar.gz from research.ibm.com, put them in "
            f"{args.dataset}/DVSGesture and try again.\n",
        )
    num_classes = 11
else:
    directions = [rng.integers(0, 4, n) for n in (400, 100)]
    data = [[(gesture(k), k) for k in part] for part in directions]
    num_classes = 4
spikes, labels = [], []
for part in data:
    part = [part[k] for k in rng.permutation(len(part))[: args.examples]]
    size = PIXELS, PIXELS, 2  # one spike for each pixel and bin with an event
    spikes.append(
        [preprocess_tonic_spikes(e, "xytp", size, 1e-3, DT, 1) for e, _ in part]
    )
    labels.append(np.array([label for _, label in part]))
with SequentialNetwork() as network:
    InputLayer("spike_input", (PIXELS, PIXELS, 2))
    conv = Conv2D(Normal(0.1, 0.4), 12, 5, conv_strides=2)
    Layer(conv, "leaky_integrate_fire", synapse=Exponential(30.0))
    dense = Dense(Normal(0.02, 0.1))
    Layer(dense, "leaky_integrate_fire", 64, Exponential(50.0))
    readout = LeakyIntegrate(tau_mem=100.0, readout="avg_var")
    Layer(Dense(Normal(0.0, 0.3)), readout, num_classes, Exponential(30.0))
compiled = BPTTCompiler(
    STEPS,
    "sparse_categorical_crossentropy",
    Adam(0.003),
    dt=DT,
    batch_size=16,
    rng_seed=args.seed,
    num_threads=args.threads,
).compile(network)
compiled.train(spikes[0], labels[0], num_epochs=args.epochs)
metrics, _ = compiled.evaluate(spikes[1], labels[1])
(accuracy,) = metrics.values()
print(f"Test accuracy: {100 * accuracy.result:.2f} %")
