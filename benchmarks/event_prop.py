"""One EventProp training step against a hand-written program for the same network.

700 inputs, recurrent leaky integrate-and-fire neurons, 20 leaky outputs, exponential
synapses, mean-voltage cross-entropy. The program (``eventprop_limit.cpp``) does
forward and backward pass; ours does the optimiser's step too. Both run in turn, so
that whatever else the machine does falls on both.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from measure import (
    SHARED,
    TrainingStep,
    examples,
    growth,
    in_turn,
    peak_resident,
    raster,
    ratio,
)

from ml_genn import Connection, Network, Population
from ml_genn.compilers import EventPropCompiler
from ml_genn.connectivity import Dense
from ml_genn.initializers import Normal
from ml_genn.neurons import LeakyIntegrate
from ml_genn.synapses import Exponential

LIMIT = SHARED / "bench" / "eventprop_limit.cpp"
NUM_INPUT, NUM_OUTPUT = 700, 20


def parse_arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """What the user asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--json", type=Path, help="where figures are written")
    parser.add_argument("--limit", type=Path, default=LIMIT)
    return parser.parse_args(words)


def compiled(args: argparse.Namespace) -> Any:
    """The network, with the weights of the hand-written program."""
    with Network() as network:
        inputs = Population("spike_input", NUM_INPUT)
        hidden = Population("leaky_integrate_fire", args.hidden)
        output = Population(LeakyIntegrate(readout="avg_var"), NUM_OUTPUT)
        synapse = Exponential(5.0)
        Connection(inputs, hidden, Dense(Normal(0.03, 0.01)), synapse)
        Connection(hidden, hidden, Dense(Normal(0.0, 0.02)), synapse)
        Connection(hidden, output, Dense(Normal(0.0, 0.03)), synapse)
    return EventPropCompiler(
        args.steps,
        "sparse_categorical_crossentropy",
        batch_size=args.batch,
        num_threads=args.threads,
    ).compile(network)


def step(args: argparse.Namespace) -> TrainingStep:
    """A training step on a batch of random spikes."""
    x = examples(raster(args.batch, args.steps, NUM_INPUT))
    return TrainingStep(compiled(args), x, np.arange(args.batch) % NUM_OUTPUT)


def build_seconds(args: argparse.Namespace, cache: str) -> float:
    """Seconds from a network to a model that runs, in a process of its own."""
    words = [sys.executable, __file__, "--hidden", str(args.hidden)]
    done = subprocess.run(
        words,
        env={**os.environ, "ML_GENN_CACHE": cache, "ML_GENN_BENCH_BUILD": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


def limit_step(args: argparse.Namespace, program: str) -> tuple[float, float]:
    """Milliseconds of a step of the hand-written program; its hidden spikes."""
    sizes = (args.hidden, args.steps, args.batch, args.threads, 3)
    done = subprocess.run(
        [program, *map(str, sizes)], capture_output=True, text=True, check=True
    )
    steps = [float(t) for t in re.findall(r": ([\d.]+) ms/batch", done.stdout)]
    spikes = float(re.findall(r"hid-spikes/ex ([\d.]+)", done.stdout)[-1])
    return statistics.median(steps), spikes


def built(source: Path, folder: str) -> str:
    """A program, built in a folder."""
    program = str(Path(folder) / source.stem)
    flags = ["-O3", "-march=native", "-ffast-math", "-pthread"]
    subprocess.run(["g++", *flags, str(source), "-o", program], check=True)
    return program


def against_limit(
    args: argparse.Namespace, ours: TrainingStep
) -> dict[str, list[float]]:
    """Milliseconds of our steps and, where its source is there, of the program's."""
    with tempfile.TemporaryDirectory() as folder:
        subjects: dict[str, Callable[[], float]] = {"ours": ours}
        if args.limit.exists():
            program = built(args.limit, folder)
            subjects["hand-written"] = lambda: limit_step(args, program)[0]
        return in_turn(args.repeats, subjects)


def memory_above_idle(run: TrainingStep) -> float:
    """Megabytes by which training raises the memory of this process."""
    return growth(lambda: [run() for _ in range(5)])


def main() -> None:
    """Measures and prints."""
    args = parse_arguments()
    if os.environ.get("ML_GENN_BENCH_BUILD"):
        start = time.perf_counter()
        _ = compiled(args).model
        print(time.perf_counter() - start)
        return
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as scratch:
        figures["build, cold [s]"] = build_seconds(args, scratch)
        figures["build, cached [s]"] = build_seconds(args, scratch)
    ours_step = step(args)
    figures["memory above idle [MB]"] = memory_above_idle(ours_step)
    times = against_limit(args, ours_step)
    ours, theirs = times["ours"], times.get("hand-written")
    figures["training step [ms]"] = statistics.median(ours)
    figures["spread of it [ms]"] = max(ours) - min(ours)
    if theirs:
        figures["hand-written step [ms]"] = statistics.median(theirs)
        figures["ours / hand-written"] = ratio(ours, theirs)
    else:
        print(f"(no hand-written program at {args.limit}: no comparison)")
    figures["peak memory of the process [MB]"] = peak_resident()
    for name, value in figures.items():
        print(f"{name:32s} {value:9.3f}")
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
