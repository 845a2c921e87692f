"""Training by two processes against training by one, each process on one core.

The network and the batches are those of `event_prop.py` with 1,000 steps and 8,000
input spikes per example. Each run starts its processes anew with `ml_genn.launch` and
takes the median time of a batch, that of the first epoch left out. Beside it stand two
processes that share nothing, each with half of the batch: more than they do, the
machine's two cores cannot.

Then one process sums its gradients as if over a network, and the program prints how
long that would take and how much of it is waited for.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from measure import Clock, examples, raster

from ml_genn import Connection, Network, Population
from ml_genn.communicators import MPI, Communicator
from ml_genn.compilers import EventPropCompiler
from ml_genn.connectivity import Dense
from ml_genn.initializers import Normal
from ml_genn.neurons import LeakyIntegrate
from ml_genn.synapses import Exponential

NUM_INPUT, NUM_OUTPUT, BATCHES, EPOCHS = 700, 20, 10, 6
LATENCY = 30e-6  #: of the network that is only thought of [s]


class Times(Clock):
    """The time of each batch [ms]."""

    def __init__(self) -> None:
        self.found: list[float] = []

    def on_batch_end(self, batch: int, metrics: Any) -> None:
        """Stops."""
        super().on_batch_end(batch, metrics)
        self.found.append(1e3 * self.seconds)


class Far(Communicator):
    """One process, whose sums take as long as over a network that needs no processor.

    Args:
        speed: of the network [bytes/s].
    """

    rank, num_ranks = 0, 1

    def __init__(self, speed: float) -> None:
        self.speed = speed
        self.free = 0.0  # when the network is through with what was sent
        self.took: list[float] = []
        self.waited: list[float] = []

    def barrier(self) -> None:
        """Nobody else is there."""

    def broadcast(self, data: Any, root: int) -> None:
        """Nobody else is there."""

    def reduce_sum(self, value: Any) -> Any:
        """The value."""
        return value

    def begin_sum(self, values: np.ndarray) -> Callable[[], None]:
        """Begins to send."""
        seconds = LATENCY + values.nbytes / self.speed
        self.free = end = max(self.free, time.perf_counter()) + seconds
        self.took.append(1e3 * seconds)

        def wait() -> None:
            left = max(0.0, end - time.perf_counter())
            self.waited.append(1e3 * left)
            time.sleep(left)

        return wait


def parse_arguments() -> argparse.Namespace:
    """What the user asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--gigabits", type=float, default=10.0, help="of the network")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def train(args: argparse.Namespace, communicator: Communicator) -> list[float]:
    """Trains; the time of each batch after the first epoch [ms]."""
    with Network() as network:
        inputs = Population("spike_input", NUM_INPUT)
        hidden = Population("leaky_integrate_fire", args.hidden)
        output = Population(LeakyIntegrate(readout="avg_var"), NUM_OUTPUT)
        ends = ((inputs, hidden, 0.03, 0.01), (hidden, hidden, 0, 0.02))
        for source, target, mean, sd in (*ends, (hidden, output, 0.0, 0.03)):
            weight = Dense(Normal(mean, sd))
            Connection(source, target, weight, Exponential(5.0))
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
    return times.found[BATCHES:]


def work(args: argparse.Namespace) -> None:
    """Trains as one of the processes; the first prints the median time of a batch."""
    communicator = MPI()
    found = train(args, communicator)
    if communicator.rank == 0:
        print(json.dumps(statistics.median(found)))


def start(args: argparse.Namespace, processes: int, batch: int) -> Any:
    """Starts so many processes, which share each batch."""
    own = [f"--{name}={getattr(args, name)}" for name in ("steps", "hidden")]
    launch = [sys.executable, "-m", "ml_genn.launch", "-n", str(processes)]
    command = [*launch, str(Path(__file__)), *own, f"--batch={batch}", "--worker"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def ended(*processes: Any) -> float:
    """The longest of the median times of a batch that they print [ms]."""
    found = [process.communicate()[0] for process in processes]
    if any(process.returncode for process in processes):
        raise SystemExit("processes.py: a process failed")
    return max(float(json.loads(text)) for text in found)


def shown(values: list[float]) -> str:
    """A median with its range."""
    return f"{statistics.median(values):.3g} [{min(values):.3g}, {max(values):.3g}]"


def share_batches(args: argparse.Namespace) -> None:
    """One process, two that share each batch, and two that share nothing."""
    one, two, strangers = [], [], []
    for _ in range(args.rounds):
        one.append(ended(start(args, 1, args.batch)))
        two.append(ended(start(args, 2, args.batch)))
        halves = [start(args, 1, args.batch // 2) for _ in range(2)]
        strangers.append(ended(*halves))
    print(f"1 process: {shown(one)} ms a batch")
    for name, times in (
        ("2 processes", two),
        ("2 that share nothing, half a batch each", strangers),
    ):
        ratios = [a / b for a, b in zip(one, times, strict=True)]
        print(f"{name}: {shown(times)} ms a batch, {shown(ratios)} times as fast")


def send_far(args: argparse.Namespace) -> None:
    """Sums over a network: how long they take, and how much of it is waited for."""
    far = Far(args.gigabits * 1e9 / 8)
    args.batch //= 2
    train(args, far)
    pieces = len(far.took) // (BATCHES * EPOCHS)
    took, waited = (
        np.median(np.reshape(each, (-1, pieces)).sum(axis=1))
        for each in (far.took, far.waited)
    )
    print(
        f"over {args.gigabits:g} Gbit/s, in {pieces} pieces: {took:.3g} ms, "
        f"of which {waited:.3g} are waited for"
    )


def main() -> None:
    """Measures and prints."""
    args = parse_arguments()
    if args.worker:
        work(args)
        return
    share_batches(args)
    send_far(args)


if __name__ == "__main__":
    main()
