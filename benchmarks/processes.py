"""Training by two processes against training by one, each process on one core.

700 inputs, recurrent hidden neurons, 20 outputs, 8,000 input spikes per example. Each
round starts its processes anew with `ml_genn.launch` and takes the median time of a
batch, without those of the first epoch. Two independent processes, each with half of
the batch, show what the two cores could do at most.

Then one process sums its gradients over a simulated network; the table shows how long
the sum takes and how much of it the engine waits for.
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
from harness.results import benchmark_parser, measurement, report
from harness.spikes import random_raster, to_examples
from harness.timing import BatchTimer, ratios

from ml_genn import Connection, Network, Population
from ml_genn.communicators import MPI, Communicator
from ml_genn.compilers import EventPropCompiler
from ml_genn.connectivity import Dense
from ml_genn.initializers import Normal
from ml_genn.neurons import LeakyIntegrate
from ml_genn.synapses import Exponential

NUM_INPUT, NUM_OUTPUT, BATCHES, EPOCHS = 700, 20, 10, 6
LATENCY = 30e-6  #: of the simulated network [s]


class BatchTimes(BatchTimer):
    """Durations of all batches [ms], ``times``."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def on_batch_end(self, batch: int, metrics: Any) -> None:
        """Stops the clock."""
        super().on_batch_end(batch, metrics)
        self.times.append(1e3 * self.seconds)


class SimulatedNetwork(Communicator):
    """One process whose sums take as long as over a network.

    The network transmits one sum after the other and needs no processor.

    Args:
        bandwidth: of the network [bytes/s].
    """

    rank, num_ranks = 0, 1

    def __init__(self, bandwidth: float) -> None:
        self.bandwidth = bandwidth
        self.busy_until = 0.0
        self.durations: list[float] = []  #: of each sum [ms]
        self.waits: list[float] = []  #: time that the engine waited for each [ms]

    def barrier(self) -> None:
        """Returns at once: there is no other process."""

    def broadcast(self, data: Any, root: int) -> None:
        """Returns at once: there is no other process."""

    def reduce_sum(self, value: Any) -> Any:
        """Returns the value."""
        return value

    def begin_sum(self, values: np.ndarray) -> Callable[[], None]:
        """Begins a transmission; returns a function that waits for its end."""
        seconds = LATENCY + values.nbytes / self.bandwidth
        self.busy_until = end = max(self.busy_until, time.perf_counter()) + seconds
        self.durations.append(1e3 * seconds)

        def wait() -> None:
            remaining = max(0.0, end - time.perf_counter())
            self.waits.append(1e3 * remaining)
            time.sleep(remaining)

        return wait


def parse_arguments() -> argparse.Namespace:
    """Returns the arguments of the command line."""
    parser = benchmark_parser(__doc__, repeats=9, steps=1000, hidden=256, batch=32)
    parser.add_argument(
        "--gigabits", type=float, default=10.0, help="of the simulated network, per s"
    )
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def train(args: argparse.Namespace, communicator: Communicator) -> list[float]:
    """Trains; returns the time of each batch after the first epoch [ms]."""
    with Network() as network:
        inputs = Population("spike_input", NUM_INPUT)
        hidden = Population("leaky_integrate_fire", args.hidden)
        output = Population(LeakyIntegrate(readout="avg_var"), NUM_OUTPUT)
        for source, target, mean, sd in (
            (inputs, hidden, 0.03, 0.01),
            (hidden, hidden, 0.0, 0.02),
            (hidden, output, 0.0, 0.03),
        ):
            Connection(source, target, Dense(Normal(mean, sd)), Exponential(5.0))
    compiled = EventPropCompiler(
        args.steps,
        "sparse_categorical_crossentropy",
        batch_size=args.batch,
        num_threads=1,
        communicator=communicator,
    ).compile(network)
    x = to_examples(random_raster(args.batch, args.steps, NUM_INPUT)) * BATCHES
    y = np.arange(len(x)) % NUM_OUTPUT
    timer = BatchTimes()
    compiled.train(x, y, num_epochs=EPOCHS, callbacks=[timer])
    return timer.times[BATCHES:]


def run_worker(args: argparse.Namespace) -> None:
    """Trains as one of the processes; the first prints the median time of a batch."""
    communicator = MPI()
    times = train(args, communicator)
    if communicator.rank == 0:
        print(json.dumps(statistics.median(times)))


def start_workers(args: argparse.Namespace, processes: int, batch: int) -> Any:
    """Starts processes that train together on each batch."""
    sizes = [f"--{name}={getattr(args, name)}" for name in ("steps", "hidden")]
    launch = [sys.executable, "-m", "ml_genn.launch", "-n", str(processes)]
    command = [*launch, str(Path(__file__)), *sizes, f"--batch={batch}", "--worker"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def slowest(*processes: Any) -> float:
    """Waits for processes; returns the longest of their median batch times [ms]."""
    outputs = [process.communicate()[0] for process in processes]
    if any(process.returncode for process in processes):
        raise SystemExit("processes.py: a process failed")
    return max(float(json.loads(text)) for text in outputs)


def compare_processes(args: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Returns the time of a batch by one process, two, and two independent ones."""
    one, two, independent = [], [], []
    for _ in range(args.repeats):
        one.append(slowest(start_workers(args, 1, args.batch)))
        two.append(slowest(start_workers(args, 2, args.batch)))
        halves = [start_workers(args, 1, args.batch // 2) for _ in range(2)]
        independent.append(slowest(*halves))
    return {
        name: {
            "batch [ms]": measurement(times),
            "times faster": measurement(ratios(one, times)),
        }
        for name, times in (
            ("1 process", one),
            ("2 processes", two),
            ("2 independent processes, half a batch each", independent),
        )
    }


def sum_over_network(args: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Returns the time of a sum over the simulated network, and of waiting for it."""
    network = SimulatedNetwork(args.gigabits * 1e9 / 8)
    train(argparse.Namespace(**{**vars(args), "batch": args.batch // 2}), network)
    buckets = len(network.durations) // (BATCHES * EPOCHS)
    sums, waits = (
        float(np.median(np.reshape(times, (-1, buckets)).sum(axis=1)))
        for times in (network.durations, network.waits)
    )
    cells = {"buckets": buckets, "sum [ms]": sums, "waited for [ms]": waits}
    return {f"{args.gigabits:g} Gbit/s, hidden {args.hidden}": cells}


def main() -> None:
    """Measures and reports."""
    args = parse_arguments()
    if args.worker:
        run_worker(args)
        return
    tables = {
        "Batch": compare_processes(args),
        "Sum of gradients over a simulated network": sum_over_network(args),
    }
    report("Training by several processes", tables, args)


if __name__ == "__main__":
    main()
