"""Spoken digits by EventProp, with delayed copies of the input, shifts and blends.

Each input is connected to the hidden neurons ten times, with delays of 0, 30, ...,
270 ms. Each epoch has all recordings, and as many blends of two recordings of the same
word, shifted in pitch. Input weights of hidden neurons without a spike in an epoch are
increased (Nowotny et al. 2024).

Data: synthetic words of 700 channels; ``--dataset FOLDER`` downloads the Spiking
Heidelberg Digits through Tonic.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from ml_genn import Connection, Network, Population
from ml_genn.callbacks import BatchProgressBar, Callback, SpikeRecorder
from ml_genn.compilers import EventPropCompiler
from ml_genn.connectivity import Dense
from ml_genn.data import preprocess_tonic_spikes
from ml_genn.initializers import Normal
from ml_genn.neurons import LeakyIntegrate, LeakyIntegrateFire
from ml_genn.optimisers import Adam
from ml_genn.synapses import Exponential

CHANNELS, WORDS, HIDDEN, END = 700, 20, 256, 1000.0  # events after END [ms] are cut off
COPIES, DELAY = 10, 30.0  # copies of the input; delay between two of them [ms]
MAX_SHIFT = 40  # channels
EVENT = [("t", "i8"), ("x", "i8"), ("p", "i8")]

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--dataset", help="folder for the Spiking Heidelberg Digits")
parser.add_argument("--epochs", type=int, default=10)
parser.add_argument("--examples", type=int, help="how many; default: all")
parser.add_argument("--dt", type=float, default=5.0, help="time step [ms]; default: 5")
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--threads", type=int, help="default: all processors")
args = parser.parse_args()
rng = np.random.default_rng(args.seed)


def synthetic_word(word: int) -> np.ndarray:
    """Returns the events of a word: a pitch that rises or falls to another."""
    events = np.zeros(1500, EVENT)
    events["t"] = t = np.sort(rng.uniform(0, 6e5, 1500))
    start, end = 60 + 140 * (word % 5), 60 + 140 * (word // 5)
    pitch = start + (end - start) * t / 6e5 + rng.normal(0, 15)
    events["x"] = np.clip(rng.normal(pitch, 25), 0, CHANNELS - 1)
    return events


def shift(events: np.ndarray, channels: float, time: float = 0.0) -> np.ndarray:
    """Returns events shifted by channels and by time [us], without those outside."""
    events = events.copy()
    events["x"] += round(channels)
    events["t"] += round(time)
    in_range = (events["x"] >= 0) & (events["x"] < CHANNELS)
    return events[in_range & (events["t"] >= 0) & (events["t"] < 1e3 * END)]


def blend(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Returns half of the events of each, moved to the mean of both centres."""
    middle = {k: (other[k].mean() - one[k].mean()) / 2 for k in ("x", "t")}
    parts = (
        shift(one, middle["x"], middle["t"]),
        shift(other, -middle["x"], -middle["t"]),
    )
    return np.sort(
        np.concatenate([part[rng.random(len(part)) < 0.5] for part in parts]),
        order="t",
    )


def augment(events: list[np.ndarray], words: np.ndarray) -> tuple[Any, np.ndarray]:
    """Returns the examples of an epoch: recordings and as many blends, shifted."""
    partners = [rng.choice(np.flatnonzero(words == word)) for word in words]
    blends = [blend(one, events[k]) for one, k in zip(events, partners, strict=True)]
    shifts = rng.integers(-MAX_SHIFT, MAX_SHIFT + 1, 2 * len(events))
    both = [shift(e, int(k)) for e, k in zip((*events, *blends), shifts, strict=True)]
    return to_spikes(both), np.tile(words, 2)


def to_spikes(events: list[np.ndarray]) -> list[Any]:
    """Returns the spikes of recordings."""
    return [preprocess_tonic_spikes(e, "txp", (CHANNELS, 1, 1)) for e in events]


class WarmUp(Callback):
    """Learning rate that grows by 5 % a batch, from a thousandth to its full value."""

    def __init__(self, optimiser: Any) -> None:
        self.optimiser, self.rate = optimiser, optimiser.alpha
        self.batches = 0

    def on_batch_begin(self, batch: int) -> None:
        """Sets the rate of a batch."""
        self.optimiser.alpha = min(self.rate, 1e-3 * self.rate * 1.05**self.batches)
        self.batches += 1


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
    parts = [rng.integers(0, WORDS, n) for n in (1000, 200)]
    data = [[(synthetic_word(word), word) for word in part] for part in parts]
events, words = [], []
for part in data:
    part = [part[k] for k in rng.permutation(len(part))[: args.examples]]
    events.append([shift(e, 0) for e, _ in part])
    words.append(np.array([word for _, word in part]))

synapse = Exponential(5.0)
with Network() as network:
    inputs = Population("spike_input", CHANNELS)
    hidden = Population(LeakyIntegrateFire(), HIDDEN, record_spikes=True)
    output = Population(LeakyIntegrate(readout="avg_var_exp_weight"), WORDS)
    copies = [
        Connection(
            inputs,
            hidden,
            Dense(Normal(0.03 / COPIES**0.5, 0.01), round(k * DELAY / args.dt)),
            synapse,
            name=f"copy_{k}",
        )
        for k in range(COPIES)
    ]
    Connection(hidden, hidden, Dense(Normal(0.0, 0.02)), synapse)
    Connection(hidden, output, Dense(Normal(0.0, 0.03)), synapse)
optimiser = Adam(0.001)
compiled = EventPropCompiler(
    round(END / args.dt),
    "sparse_categorical_crossentropy",
    optimiser,
    reg_lambda_upper=5e-11,
    reg_lambda_lower=5e-11,
    reg_nu_upper=14.0,
    dt=args.dt,
    batch_size=32,
    rng_seed=args.seed,
    num_threads=args.threads,
).compile(network)
warm_up = WarmUp(compiled.optimiser)
for epoch in range(args.epochs):
    counts = SpikeRecorder(hidden, key="counts", record_counts=True)
    callbacks = [BatchProgressBar(), warm_up, counts]
    _, recorded = compiled.train(
        *augment(events[0], words[0]), start_epoch=epoch, callbacks=callbacks
    )
    silent = ~np.any(recorded["counts"], axis=0)
    for copy in copies:
        compiled.set_weights(copy, compiled.weights(copy) + 0.002 * silent)
scores, recorded = compiled.evaluate(to_spikes(events[1]), words[1])
print(f"Test accuracy: {100 * scores[output].result:.2f} %")
