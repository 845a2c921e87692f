"""Training by two processes against training by one, each process on one core.

The network and the batches are those of `event_prop.py` with 1,000 steps and 8,000
input spikes per example. Each run starts its processes anew with `ml_genn.launch` and
takes the median time of a batch, that of the first epoch left out.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from measure import Clock, examples, raster

from ml_genn import Connection, Network, Population
from ml_genn.communicators import MPI
from ml_genn.compilers import EventPropCompiler
from ml_genn.connectivity import Dense
from ml_genn.initializers import Normal
from ml_genn.neurons import LeakyIntegrate
from ml_genn.synapses import Exponential

NUM_INPUT, NUM_OUTPUT, BATCHES, EPOCHS = 700, 20, 10, 6


class Times(Clock):
    """The time of each batch [ms]."""

    def __init__(self) -> None:
        self.found: list[float] = []

    def on_batch_end(self, batch: int, metrics: Any) -> None:
        """Stops."""
        super().on_batch_end(batch, metrics)
        self.found.append(1e3 * self.seconds)


def parse_arguments() -> argparse.Namespace:
    """What the user asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def work(args: argparse.Namespace) -> None:
    """Trains, and prints the median time of a batch."""
    with Network() as network:
        inputs = Population("spike_input", NUM_INPUT)
        hidden = Population("leaky_integrate_fire", args.hidden)
        output = Population(LeakyIntegrate(readout="avg_var"), NUM_OUTPUT)
        ends = ((inputs, hidden, 0.03, 0.01), (hidden, hidden, 0, 0.02))
        for source, target, mean, sd in (*ends, (hidden, output, 0.0, 0.03)):
            weight = Dense(Normal(mean, sd))
            Connection(source, target, weight, Exponential(5.0))
    communicator = MPI()
    compiled = EventPropCompiler(
        args.steps,
        "sparse_categorical_crossentropy",
        batch_size=args.batch,
        num_threads=1,
        communicator=communicator,
    ).compile(network)
    x = examples(raster(args.batch, args.steps, NUM_INPUT)) * BATCHES
    y = np.arange(len(x)) % NUM_OUTPUT
    times = Times()
    compiled.train(x, y, num_epochs=EPOCHS, callbacks=[times])
    if communicator.rank == 0:
        print(json.dumps(statistics.median(times.found[BATCHES:])))


def run(args: argparse.Namespace, processes: int) -> float:
    """The median time of a batch [ms] with so many processes."""
    own = [f"--{name}={getattr(args, name)}" for name in ("steps", "hidden", "batch")]
    launch = [sys.executable, "-m", "ml_genn.launch", "-n", str(processes)]
    command = [*launch, str(Path(__file__)), *own, "--worker"]
    found = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(json.loads(found.stdout))


def shown(values: list[float]) -> str:
    """A median with its range."""
    return f"{statistics.median(values):.3g} [{min(values):.3g}, {max(values):.3g}]"


def main() -> None:
    """Measures and prints."""
    args = parse_arguments()
    if args.worker:
        work(args)
        return
    one, two = [], []
    for _ in range(args.rounds):
        one.append(run(args, 1))
        two.append(run(args, 2))
    print(f"1 process: {shown(one)} ms a batch")
    print(f"2 processes: {shown(two)} ms a batch")
    ratios = [a / b for a, b in zip(one, two, strict=True)]
    print(f"times faster: {shown(ratios)}")


if __name__ == "__main__":
    main()
