"""The CPU engine against PyGeNN's own CPU backend: steps with one example.

700 inputs, recurrent leaky integrate-and-fire neurons, 20 leaky outputs, on one thread.
Both run the same network in turn. The program needs PyGeNN (docs/pygenn.md).
"""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np
from harness.results import benchmark_parser, measurement, report
from harness.spikes import random_raster, to_examples
from harness.timing import InferenceStep, TrainingStep, measure_in_turn

from ml_genn import Connection, Network, Population
from ml_genn.compilers import EPropCompiler, EventPropCompiler, InferenceCompiler
from ml_genn.connectivity import Dense
from ml_genn.initializers import Normal
from ml_genn.neurons import LeakyIntegrate
from ml_genn.synapses import Delta, Exponential

NUM_INPUT, NUM_OUTPUT = 700, 20
LOSS = "sparse_categorical_crossentropy"
BACKENDS = {"CPU engine": "cpu", "PyGeNN": "single_threaded_cpu"}
#: Synapse, moments of input and of recurrent weights.
EXPONENTIAL = (Exponential(5.0), (0.03, 0.01), (0.0, 0.02))
DELTA = (Delta(), (0.0073, 0.0025), (0.0, 0.005))
#: {row: (compiler, its arguments after the number of steps, network)}
PROGRAMS: dict[str, Any] = {
    "inference": (InferenceCompiler, {}, EXPONENTIAL),
    "EventProp": (EventPropCompiler, {"losses": LOSS}, EXPONENTIAL),
    "e-prop": (EPropCompiler, {"losses": LOSS, "mode": "event_driven"}, DELTA),
    "e-prop, online": (EPropCompiler, {"losses": LOSS, "mode": "online"}, DELTA),
}


def step_of(name: str, backend: str, steps: int, hidden: int) -> Callable[[], float]:
    """Returns a function that takes a step and returns its milliseconds.

    Args:
        name: key of ``PROGRAMS``.
        backend: name of the backend.
        steps: time steps of the example.
        hidden: number of hidden neurons.
    """
    compiler, options, (synapse, first, recurrent) = PROGRAMS[name]
    with Network() as network:
        inputs = Population("spike_input", NUM_INPUT)
        middle = Population("leaky_integrate_fire", hidden)
        output = Population(LeakyIntegrate(readout="avg_var"), NUM_OUTPUT)
        Connection(inputs, middle, Dense(Normal(*first)), synapse)
        Connection(middle, middle, Dense(Normal(*recurrent)), synapse)
        Connection(middle, output, Dense(Normal(0.0, 0.03)), synapse)
    threads = {"num_threads": 1} if backend == "cpu" else {}
    compiled = compiler(steps, backend=backend, **threads, **options).compile(network)
    x = to_examples(random_raster(1, steps, NUM_INPUT))
    if compiler is InferenceCompiler:
        return InferenceStep(compiled, x)
    return TrainingStep(compiled, x, np.zeros(1, int))


def row(name: str, steps: int, args: argparse.Namespace) -> dict[str, Any]:
    """Returns the durations on both backends, and the ratio of the shortest.

    Other load of the machine makes single steps longer.
    """
    programs = {
        backend: step_of(name, engine, steps, args.hidden)
        for backend, engine in BACKENDS.items()
    }
    times = measure_in_turn(args.repeats, programs)
    cells = {f"{backend} [ms]": measurement(t) for backend, t in times.items()}
    ratio = min(times["PyGeNN"]) / min(times["CPU engine"])
    return cells | {"PyGeNN / CPU engine, shortest": ratio}


def main() -> None:
    """Measures and reports."""
    parser = benchmark_parser(__doc__, repeats=5, hidden=256)
    parser.add_argument("--steps", type=int, nargs="+", default=(100, 500, 1000))
    args = parser.parse_args()
    if importlib.util.find_spec("pygenn") is None:
        raise SystemExit("pygenn_backend.py needs PyGeNN; docs/pygenn.md says how.")
    table = {
        f"{name}, T = {steps}": row(name, steps, args)
        for steps in args.steps
        for name in PROGRAMS
    }
    title = "Step with one example, one thread"
    report("The CPU engine and PyGeNN's CPU backend", {title: table}, args)


if __name__ == "__main__":
    main()
