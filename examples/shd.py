"""Spoken digits with a recurrent network, by e-prop or EventProp.

Data: synthetic words of 700 channels; ``--dataset FOLDER`` downloads the Spiking
Heidelberg Digits through Tonic. spoken_digits.py has recordings and more settings.
"""

from __future__ import annotations

import argparse

import numpy as np

from ml_genn import Connection, Network, Population
from ml_genn.compilers import EPropCompiler, EventPropCompiler
from ml_genn.connectivity import Dense
from ml_genn.data import calc_latest_spike_time, preprocess_tonic_spikes
from ml_genn.initializers import Normal
from ml_genn.neurons import (
    AdaptiveLeakyIntegrateFire,
    LeakyIntegrate,
    LeakyIntegrateFire,
    Neuron,
)
from ml_genn.optimisers import Adam
from ml_genn.synapses import Exponential

CHANNELS, DIGITS, DT = 700, 20, 5.0

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--rule", choices=["eprop", "eventprop"], default="eprop")
parser.add_argument("--dataset", help="folder for the Spiking Heidelberg Digits")
parser.add_argument("--epochs", type=int, default=10)
parser.add_argument("--examples", type=int, help="how many; default: all")
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--threads", type=int, help="default: all processors")
args = parser.parse_args()
rng = np.random.default_rng(args.seed)


def synthetic_word(word: int) -> np.ndarray:
    """Returns the events of a word: a pitch that rises or falls to another."""
    events = np.zeros(1500, dtype=[("t", "i8"), ("x", "i8"), ("p", "i8")])
    events["t"] = t = np.sort(rng.uniform(0, 6e5, 1500))
    start, end = 60 + 140 * (word % 5), 60 + 140 * (word // 5)
    pitch = start + (end - start) * t / 6e5 + rng.normal(0, 15)
    events["x"] = np.clip(rng.normal(pitch, 25), 0, CHANNELS - 1)
    return events


if args.dataset:
    try:
        from tonic.datasets import SHD

        data = [list(SHD(args.dataset, train=train)) for train in (True, False)]
    except ImportError:
        parser.exit(1, "Tonic reads the data: pip install 'ml_genn[tonic]'.\n")
    except (OSError, RuntimeError) as error:
        parser.exit(
            1,
            f"No download ({error}). Get the files shd_*.h5 elsewhere, from "
            f"zenkelab.org, put them in {args.dataset}/SHD and try again.\n",
        )
else:
    words = [rng.integers(0, DIGITS, n) for n in (1000, 200)]
    data = [[(synthetic_word(word), word) for word in part] for part in words]
spikes, labels = [], []
for part in data:
    part = [part[k] for k in rng.permutation(len(part))[: args.examples]]
    shape = CHANNELS, 1, 1
    spikes.append([preprocess_tonic_spikes(e, "txp", shape) for e, _ in part])
    labels.append(np.array([label for _, label in part]))

eprop = args.rule == "eprop"
weights = (0.0, 0.038), (0.0, 0.0625), (0.0, 0.0625)
hidden: Neuron = AdaptiveLeakyIntegrateFire(v_thresh=0.6, tau_mem=50.0, tau_refrac=DT)
if not eprop:
    weights, hidden = ((0.03, 0.02), (0, 0.02), (0, 0.1)), LeakyIntegrateFire()
with Network() as network:
    inputs, recurrent = Population("spike_input", CHANNELS), Population(hidden, 256)
    output = Population(LeakyIntegrate(readout="avg_var"), DIGITS)
    for (source, target), weight in zip(
        [(inputs, recurrent), (recurrent, recurrent), (recurrent, output)],
        weights,
        strict=True,
    ):
        synapse = "delta" if eprop else Exponential(10.0)
        Connection(source, target, Dense(Normal(*weight)), synapse)
compiled = (EPropCompiler if eprop else EventPropCompiler)(
    int(np.ceil(max(map(calc_latest_spike_time, spikes)) / DT)) + 1,
    "sparse_categorical_crossentropy",
    Adam(0.002),
    dt=DT,
    batch_size=32,
    rng_seed=args.seed,
    num_threads=args.threads,
).compile(network)
compiled.train(spikes[0], labels[0], num_epochs=args.epochs)
metrics, _ = compiled.evaluate(spikes[1], labels[1])
print(f"Test accuracy: {100 * metrics[output].result:.2f} %")
