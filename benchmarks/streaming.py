"""Training on a stream of spikes that is larger than memory, and its peak memory.

A generator makes batches of random spikes when they are asked for: 4 bytes for the
neuron of a spike and 4 for its time. A small network learns from each batch once.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from harness.results import benchmark_parser, report
from harness.usage import peak_resident

from ml_genn import InputLayer, Layer, SequentialNetwork
from ml_genn.compilers import EventPropCompiler
from ml_genn.connectivity import Dense
from ml_genn.data import preprocess_spikes
from ml_genn.initializers import Normal
from ml_genn.neurons import LeakyIntegrate
from ml_genn.synapses import Exponential

NUM_INPUT, NUM_HIDDEN, NUM_OUTPUT, STEPS = 700, 32, 20, 1000
SPIKES = 10_000  #: spikes of an example
SPIKE_BYTES = 8
WARM_UP = 20  #: batches after which memory must not grow


class SpikeStream:
    """Batches of random spikes, with the time and memory used so far.

    Args:
        num_batches: number of batches.
        batch: examples in each.
    """

    def __init__(self, num_batches: int, batch: int) -> None:
        self.num_batches, self.batch = num_batches, batch
        self.generation = 0.0  #: processor time of making batches [s]
        self.early_peak = peak_resident()  #: peak memory after `WARM_UP` batches [MB]

    def __len__(self) -> int:
        return self.num_batches

    def __iter__(self) -> Iterator[Any]:
        rng = np.random.default_rng(0)
        for number in range(self.num_batches):
            if number == WARM_UP:
                self.early_peak = peak_resident()
            start = time.process_time()
            batch = self._random_batch(rng)
            self.generation += time.process_time() - start
            yield batch

    def _random_batch(self, rng: np.random.Generator) -> tuple[list[Any], np.ndarray]:
        ids = rng.integers(0, NUM_INPUT, (self.batch, SPIKES), dtype=np.int32)
        times = (STEPS - 1) * rng.random((self.batch, SPIKES), dtype=np.float32)
        examples = [
            preprocess_spikes(t, i, NUM_INPUT) for t, i in zip(times, ids, strict=True)
        ]
        return examples, rng.integers(0, NUM_OUTPUT, self.batch)


def compile_network(args: argparse.Namespace) -> Any:
    """Returns the compiled network."""
    with SequentialNetwork() as network:
        InputLayer("spike_input", NUM_INPUT)
        Layer(
            Dense(Normal(0.01, 0.02)),
            "leaky_integrate_fire",
            NUM_HIDDEN,
            Exponential(5.0),
        )
        output = LeakyIntegrate(readout="avg_var")
        Layer(Dense(Normal(0.0, 0.2)), output, NUM_OUTPUT, Exponential(5.0))
    return EventPropCompiler(
        STEPS,
        "sparse_categorical_crossentropy",
        batch_size=args.batch,
        num_threads=args.threads,
    ).compile(network)


def main() -> None:
    """Trains, measures and reports."""
    parser = benchmark_parser(__doc__, megabytes=4096, batch=32, threads=1)
    args = parser.parse_args()
    compiled = compile_network(args)
    batch_megabytes = args.batch * SPIKES * SPIKE_BYTES / 2**20
    stream = SpikeStream(-int(-args.megabytes // batch_megabytes), args.batch)
    before = peak_resident()
    start, cpu_start = time.perf_counter(), time.process_time()
    compiled.train(stream, callbacks=[])
    seconds = time.perf_counter() - start
    training = time.process_time() - cpu_start - stream.generation
    peak = peak_resident()
    spikes = len(stream) * args.batch * SPIKES
    memory = {
        "spikes": spikes * SPIKE_BYTES / 2**20,
        "peak of the process": peak,
        "peak before training": before,
        f"growth after {WARM_UP} batches": peak - stream.early_peak,
    }
    duration = {
        "training and generation, elapsed": seconds,
        "training, processor time": training,
        "generation of spikes, processor time": stream.generation,
    }
    rate = {"million spikes per processor second": 1e-6 * spikes / training}
    tables = {
        "Memory": {name: {"MB": value} for name, value in memory.items()},
        "Time": {name: {"s": value} for name, value in duration.items()},
        "Rate": {"training": rate},
    }
    report("Training on a stream of spikes", tables, args)


if __name__ == "__main__":
    main()
