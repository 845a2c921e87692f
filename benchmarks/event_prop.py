"""An EventProp training step against a hand-written program for the same network.

700 inputs, recurrent leaky integrate-and-fire neurons, 20 leaky outputs, exponential
synapses, cross-entropy of mean voltages. The hand-written C++ program
(``eventprop_limit.cpp`` in the folder of data, not part of the project) takes forward
and backward pass; ml_genn takes the optimiser's step, too. Both run in turn.
"""

from __future__ import annotations

import argparse
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
from harness.results import benchmark_parser, measurement, report
from harness.spikes import SHARED, random_raster, to_examples
from harness.timing import TrainingStep, measure_in_turn, ratios
from harness.usage import memory_growth, peak_resident

from ml_genn import Connection, Network, Population
from ml_genn.compilers import EventPropCompiler
from ml_genn.connectivity import Dense
from ml_genn.initializers import Normal
from ml_genn.neurons import LeakyIntegrate
from ml_genn.synapses import Exponential

PROGRAM = SHARED / "bench" / "eventprop_limit.cpp"
PROGRAM_STEPS = 3  #: training steps in one run of the program
NUM_INPUT, NUM_OUTPUT = 700, 20
#: Set in the environment of a process that only builds the model.
BUILD_ONLY = "ML_GENN_BENCH_BUILD"


def parse_arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Returns the arguments of the command line."""
    parser = benchmark_parser(
        __doc__, repeats=9, hidden=256, steps=500, batch=32, threads=2
    )
    parser.add_argument("--program", type=Path, default=PROGRAM, help="its source")
    return parser.parse_args(words)


def compile_network(args: argparse.Namespace) -> Any:
    """Returns the compiled network, with the weights of the hand-written program."""
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


def training_step(args: argparse.Namespace) -> TrainingStep:
    """Returns a training step on a batch of random spikes."""
    x = to_examples(random_raster(args.batch, args.steps, NUM_INPUT))
    return TrainingStep(compile_network(args), x, np.arange(args.batch) % NUM_OUTPUT)


def build_seconds(args: argparse.Namespace, cache: str) -> float:
    """Returns the seconds from a network to a built model, in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--hidden", str(args.hidden)],
        env={**os.environ, "ML_GENN_CACHE": cache, BUILD_ONLY: "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


def print_build_seconds(args: argparse.Namespace) -> None:
    """Builds the model and prints the seconds it takes."""
    start = time.perf_counter()
    _ = compile_network(args).model
    print(time.perf_counter() - start)


def hand_written_step(args: argparse.Namespace, program: str) -> float:
    """Returns the milliseconds of a step of the hand-written program."""
    sizes = (args.hidden, args.steps, args.batch, args.threads, PROGRAM_STEPS)
    done = subprocess.run(
        [program, *map(str, sizes)], capture_output=True, text=True, check=True
    )
    steps = re.findall(r": ([\d.]+) ms/batch", done.stdout)
    return statistics.median(float(t) for t in steps)


def compile_program(source: Path, folder: str) -> str:
    """Compiles a C++ program and returns its path."""
    program = str(Path(folder) / source.stem)
    flags = ["-O3", "-march=native", "-ffast-math", "-pthread"]
    subprocess.run(["g++", *flags, str(source), "-o", program], check=True)
    return program


def step_times(args: argparse.Namespace, step: TrainingStep) -> dict[str, list[float]]:
    """Returns the milliseconds of steps, "hand-written" only if its source exists."""
    with tempfile.TemporaryDirectory() as folder:
        steps: dict[str, Callable[[], float]] = {"ml_genn": step}
        if args.program.exists():
            program = compile_program(args.program, folder)
            steps["hand-written"] = lambda: hand_written_step(args, program)
        return measure_in_turn(args.repeats, steps)


def main() -> None:
    """Measures and reports."""
    args = parse_arguments()
    if os.environ.get(BUILD_ONLY):
        print_build_seconds(args)
        return
    with tempfile.TemporaryDirectory() as scratch:
        build = {
            "nothing cached": {"build [s]": build_seconds(args, scratch)},
            "cached": {"build [s]": build_seconds(args, scratch)},
        }
    step = training_step(args)
    memory = memory_growth(lambda: [step() for _ in range(5)])
    times = step_times(args, step)
    steps: dict[str, dict[str, Any]] = {
        name: {"step [ms]": measurement(samples)} for name, samples in times.items()
    }
    if "hand-written" in times:
        ratio = ratios(times["ml_genn"], times["hand-written"])
        steps["ml_genn / hand-written"] = {"step [ms]": measurement(ratio)}
    else:
        print(f"(no hand-written program at {args.program}: no comparison)")
    usage = {"ml_genn": {"training [MB]": memory, "peak [MB]": peak_resident()}}
    report(
        "An EventProp training step and a hand-written program",
        {"Training step": steps, "Build": build, "Memory": usage},
        args,
    )


if __name__ == "__main__":
    main()
