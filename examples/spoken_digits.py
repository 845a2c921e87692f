"""Spoken digits with a recurrent spiking network, by any of three learning rules.

2,500 recordings of 0 to 9 by five speakers, converted to spikes of 700 channels by a
model of the inner ear (takes 0 to 4 are for testing). 256 recurrent neurons are trained
by EventProp, by BPTT with surrogate gradients, or, with adaptive thresholds, by e-prop.
Each epoch augments the recordings: a shift in pitch, a stretch in time, and the loss of
some spikes.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from math import cos, pi
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from ml_genn import Connection, Network, Population
from ml_genn.callbacks import BatchProgressBar, Callback
from ml_genn.compilers import BPTTCompiler, EPropCompiler, EventPropCompiler
from ml_genn.connectivity import Dense
from ml_genn.data import PreprocessedSpikes, preprocess_spikes
from ml_genn.initializers import Normal
from ml_genn.neurons import (
    AdaptiveLeakyIntegrateFire,
    LeakyIntegrate,
    LeakyIntegrateFire,
    Neuron,
)
from ml_genn.optimisers import Adam
from ml_genn.synapses import Delta, Exponential, Synapse

NUM_CHANNELS, NUM_HIDDEN, NUM_DIGITS = 700, 256, 10
DURATION = 500.0  # [ms] from the first spike; later spikes are cut off
BATCH_SIZE = 32
SHARED = Path(os.environ.get("ML_GENN_SHARED", Path(__file__).parents[2] / "shared"))
DATA = SHARED / "data" / "spoken_digits_spikes.npz"


@dataclass(frozen=True)
class Setting:
    """Network and hyperparameters of a learning rule.

    Args:
        compiler: the learning rule.
        hidden, output: neurons.
        synapse: of all connections.
        weights: mean and deviation of the weights from the input, between hidden
            neurons and to the output.
        epochs: number of epochs.
        rate: learning rate at the start; it falls along a cosine.
        dt: time step [ms].
        shift: deviation of the shift of channels.
        stretch: largest relative change of tempo.
        drop: fraction of spikes left out.
        learned: learning rates of parameters of the hidden neurons, by name.
        options: more arguments of the compiler.
    """

    compiler: type
    hidden: Neuron
    output: Neuron
    synapse: Synapse
    weights: tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
    epochs: int
    rate: float
    dt: float
    shift: float = 5.0
    stretch: float = 0.1
    drop: float = 0.1
    learned: Mapping[str, float] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def num_steps(self) -> int:
        """Time steps of an example."""
        return round(DURATION / self.dt)


def log_normal(median: float, sigma: float) -> np.ndarray:
    """Returns log-normal time constants [ms] of the hidden neurons."""
    return np.random.default_rng(0).lognormal(np.log(median), sigma, NUM_HIDDEN)


SETTINGS = {
    "eventprop": Setting(
        EventPropCompiler,
        LeakyIntegrateFire(tau_mem=log_normal(50.0, 0.4)),
        LeakyIntegrate(tau_mem=20.0, readout="avg_var_exp_weight"),
        Exponential(20.0),
        ((0.015, 0.015), (0.0, 0.02), (0.0, 0.3)),
        epochs=100,
        rate=0.003,
        dt=2.0,
        shift=4.0,
        learned={"tau_mem": 0.03},
        options={
            "reg_lambda_upper": 1e-9,
            "reg_lambda_lower": 1e-9,
            "reg_nu_upper": 14.0,
        },
    ),
    "bptt": Setting(
        BPTTCompiler,
        LeakyIntegrateFire(tau_mem=log_normal(100.0, 0.7)),
        LeakyIntegrate(tau_mem=20.0, readout="avg_var"),
        Exponential(20.0),
        ((0.0, 0.1), (0.0, 0.05), (0.0, 0.3)),
        epochs=60,
        rate=0.003,
        dt=10.0,
        shift=8.0,
        stretch=0.15,
        drop=0.2,
    ),
    "eprop": Setting(
        EPropCompiler,
        AdaptiveLeakyIntegrateFire(v_thresh=0.6, tau_mem=50.0, tau_refrac=5.0),
        LeakyIntegrate(tau_mem=20.0, readout="sum_var"),
        Delta(),
        ((0.0, 0.038), (0.0, 0.0625), (0.0, 0.0625)),  # 1 / sqrt(sources)
        epochs=30,
        rate=0.003,
        dt=5.0,
    ),
}


@dataclass(frozen=True)
class Recordings:
    """Spikes, digits and numbers of the takes of recordings."""

    spikes: list[PreprocessedSpikes]
    digits: np.ndarray
    takes: np.ndarray

    def select(self, takes: range) -> Recordings:
        """Returns the recordings of some takes."""
        selected = np.flatnonzero(np.isin(self.takes, takes))
        spikes = [self.spikes[k] for k in selected]
        return Recordings(spikes, self.digits[selected], self.takes[selected])


def load(path: Path) -> Recordings:
    """Returns all recordings; time starts at the first spike of each."""
    data = np.load(path)
    times, channels, offset = (data[k] for k in ("time", "channel", "offset"))
    spikes = []
    for start, end in pairwise(offset):
        time = 0.1 * (times[start:end] - times[start:end].min())
        spikes.append(preprocess_spikes(time, channels[start:end], NUM_CHANNELS))
    return Recordings(spikes, data["label"].astype(int), data["take"])


def select(spikes: PreprocessedSpikes, flags: np.ndarray) -> PreprocessedSpikes:
    """Returns the spikes whose flag is true."""
    counts = np.concatenate([[0], np.cumsum(flags)])
    return PreprocessedSpikes(counts[spikes.end_spikes], spikes.spike_times[flags])


def shift(spikes: PreprocessedSpikes, channels: int) -> PreprocessedSpikes:
    """Returns spikes moved up by some channels, without those outside."""
    ends = np.concatenate([[0], spikes.end_spikes])
    source = np.arange(NUM_CHANNELS + 1) - channels
    shifted = ends[np.clip(source, 0, NUM_CHANNELS)]
    first, last = shifted[0], shifted[-1]
    return PreprocessedSpikes(shifted[1:] - first, spikes.spike_times[first:last])


def cut(spikes: PreprocessedSpikes) -> PreprocessedSpikes:
    """Returns the spikes within ``DURATION``."""
    return select(spikes, spikes.spike_times < DURATION)


@dataclass(frozen=True)
class Augmented:
    """Batches of recordings in random order, with new random changes in each epoch."""

    recordings: Recordings
    setting: Setting
    rng: np.random.Generator

    def __len__(self) -> int:
        return -(-len(self.recordings.spikes) // BATCH_SIZE)

    def __iter__(self) -> Iterator[tuple[list[PreprocessedSpikes], np.ndarray]]:
        order = self.rng.permutation(len(self.recordings.spikes))
        for batch in np.array_split(order, len(self)):
            spikes = [self._augment(self.recordings.spikes[k]) for k in batch]
            yield spikes, self.recordings.digits[batch]

    def _augment(self, spikes: PreprocessedSpikes) -> PreprocessedSpikes:
        rng, setting = self.rng, self.setting
        spikes = shift(spikes, round(rng.normal(0.0, setting.shift)))
        spikes = select(spikes, rng.random(len(spikes.spike_times)) >= setting.drop)
        tempo = rng.uniform(1.0 - setting.stretch, 1.0 + setting.stretch)
        return cut(spikes._replace(spike_times=tempo * spikes.spike_times))


class CosineDecay(Callback):
    """Learning rate that falls to zero along half a cosine."""

    def __init__(self, optimiser: Any, num_batches: int) -> None:
        self.optimiser = optimiser
        self.rates = [
            optimiser.alpha * 0.5 * (1.0 + cos(pi * k / num_batches))
            for k in range(num_batches)
        ]
        self.batch = 0

    def on_batch_begin(self, batch: int) -> None:
        """Sets the learning rate of the batch."""
        self.optimiser.alpha = self.rates[self.batch]
        self.batch += 1


def build(setting: Setting) -> tuple[Network, Population]:
    """Returns the network and its hidden neurons."""
    with Network() as network:
        inputs = Population("spike_input", NUM_CHANNELS)
        hidden = Population(setting.hidden, NUM_HIDDEN)
        output = Population(setting.output, NUM_DIGITS)
        ends = ((inputs, hidden), (hidden, hidden), (hidden, output))
        for (source, target), weight in zip(ends, setting.weights, strict=True):
            Connection(source, target, Dense(Normal(*weight)), setting.synapse)
    return network, hidden


def parse_arguments() -> argparse.Namespace:
    """Returns the arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rule", choices=sorted(SETTINGS), default="eprop")
    parser.add_argument("--epochs", type=int, help="default: the rule's")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, help="default: all processors")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument(
        "--validate",
        action="store_true",
        help="train without takes 45 to 49 and test on them, as settings were chosen",
    )
    return parser.parse_args()


def main() -> None:
    """Trains and tests."""
    args = parse_arguments()
    setting = SETTINGS[args.rule]
    epochs = args.epochs or setting.epochs
    if not args.data.exists():
        sys.exit(f"There is no file {args.data}. shd.py needs no files.")
    recordings = load(args.data)
    train, test = (
        (range(5, 45), range(45, 50)) if args.validate else (range(5, 50), range(5))
    )
    batches = Augmented(
        recordings.select(train), setting, np.random.default_rng(args.seed)
    )
    optimiser = Adam(setting.rate)
    network, hidden = build(setting)
    learned = {name: Adam(rate) for name, rate in setting.learned.items()}
    compiled = setting.compiler(
        setting.num_steps,
        "sparse_categorical_crossentropy",
        optimiser,
        dt=setting.dt,
        batch_size=BATCH_SIZE,
        rng_seed=args.seed,
        num_threads=args.threads,
        **setting.options,
    ).compile(
        network,
        optimisers={"all_connections": {"weight": optimiser}, hidden: learned},
    )
    compiled.summary()

    start = perf_counter()
    callbacks = [
        BatchProgressBar(),
        CosineDecay(compiled.optimiser, epochs * len(batches)),
    ]
    compiled.train(batches, num_epochs=epochs, callbacks=callbacks)
    seconds = perf_counter() - start
    held_out = recordings.select(test)
    spikes = [cut(example) for example in held_out.spikes]
    (metric,) = compiled.evaluate(spikes, held_out.digits)[0].values()
    print(f"Trained for {epochs} epochs in {seconds:.1f} s.")
    name = "Validation" if args.validate else "Test"
    print(f"{name} accuracy: {100 * metric.result:.2f} %")


if __name__ == "__main__":
    main()
