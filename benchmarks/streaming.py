"""Trains on a stream of spikes that is larger than memory need be; reports the peak.

A generator makes batches of random spikes as they are asked for: 4 bytes for the neuron
of a spike and 4 for its time. A small network learns from each batch once.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from measure import peak_resident, report

from ml_genn import InputLayer, Layer, SequentialNetwork
from ml_genn.compilers import EventPropCompiler
from ml_genn.connectivity import Dense
from ml_genn.data import preprocess_spikes
from ml_genn.initializers import Normal
from ml_genn.neurons import LeakyIntegrate
from ml_genn.synapses import Exponential

NUM_INPUT, NUM_HIDDEN, NUM_OUTPUT, STEPS = 700, 32, 20, 1000
SPIKES = 10_000  #: of an example
BYTES = 8  #: of a spike
WARM_UP = 20  #: batches after which memory should not grow


class Stream:
    """Batches of random spikes, and what their consumer did meanwhile.

    Args:
        batches: how many there are.
        batch: examples in each.
    """

    def __init__(self, batches: int, batch: int) -> None:
        self.batches, self.batch = batches, batch
        self.making = 0.0  #: processor seconds spent on making batches
        self.early = peak_resident()  #: peak after a few batches [MB]

    def __len__(self) -> int:
        return self.batches

    def __iter__(self) -> Iterator[Any]:
        rng = np.random.default_rng(0)
        for k in range(self.batches):
            if k == WARM_UP:
                self.early = peak_resident()
            start = time.process_time()
            made = self._made(rng)
            self.making += time.process_time() - start
            yield made

    def _made(self, rng: np.random.Generator) -> tuple[list[Any], np.ndarray]:
        ids = rng.integers(0, NUM_INPUT, (self.batch, SPIKES), dtype=np.int32)
        times = (STEPS - 1) * rng.random((self.batch, SPIKES), dtype=np.float32)
        examples = [
            preprocess_spikes(t, i, NUM_INPUT) for t, i in zip(times, ids, strict=True)
        ]
        return examples, rng.integers(0, NUM_OUTPUT, self.batch)


def parse_arguments() -> argparse.Namespace:
    """What the user asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--megabytes", type=float, default=4096, help="of spikes")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, help="where figures are written")
    return parser.parse_args()


def main() -> None:
    """Trains, measures and prints."""
    args = parse_arguments()
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
    compiled = EventPropCompiler(
        STEPS,
        "sparse_categorical_crossentropy",
        batch_size=args.batch,
        num_threads=args.threads,
    ).compile(network)
    batch_megabytes = args.batch * SPIKES * BYTES / 2**20
    stream = Stream(-int(-args.megabytes // batch_megabytes), args.batch)
    before = peak_resident()
    start, worked = time.perf_counter(), time.process_time()
    compiled.train(stream, callbacks=[])
    seconds, worked = time.perf_counter() - start, time.process_time() - worked
    peak = peak_resident()
    spikes = len(stream) * args.batch * SPIKES
    row = {
        "spikes [MB]": spikes * BYTES / 2**20,
        "peak [MB]": peak,
        "before training [MB]": before,
        "growth after the first batches [MB]": peak - stream.early,
        "seconds": seconds,
        "processor seconds": worked,
        "of these, the generator's": stream.making,
        "million spikes a processor second of training": 1e-6
        * spikes
        / (worked - stream.making),
    }
    report({"training on a stream of spikes": {"EventProp": row}}, args.json)


if __name__ == "__main__":
    main()
