"""A training step of the same network under each learning rule.

700 inputs, recurrent leaky integrate-and-fire neurons, 20 leaky outputs. The weights
are scaled so that the network fires alike with e-prop's delta synapses and with the
exponential synapses of the other rules; the firing rates are in the table.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from harness.results import benchmark_parser, measurement, report
from harness.spikes import random_raster, to_examples
from harness.timing import TrainingStep, measure_in_turn, ratios

from ml_genn import Connection, Network, Population
from ml_genn.callbacks import SpikeRecorder
from ml_genn.compilers import BPTTCompiler, EPropCompiler, EventPropCompiler
from ml_genn.connectivity import Dense
from ml_genn.initializers import Normal
from ml_genn.neurons import LeakyIntegrate
from ml_genn.synapses import Delta, Exponential

NUM_INPUT, NUM_OUTPUT = 700, 20
#: Synapse, moments of input and of recurrent weights.
EXPONENTIAL = (Exponential(5.0), (0.03, 0.01), (0.0, 0.02))
#: {rule: (compiler, its own arguments, synapse, moments)}
RULES: dict[str, Any] = {
    "EventProp": (EventPropCompiler, {}, *EXPONENTIAL),
    "e-prop": (EPropCompiler, {}, Delta(), (0.0073, 0.0025), (0.0, 0.005)),
    "BPTT": (BPTTCompiler, {}, *EXPONENTIAL),
    "BPTT, B_th = 0.9": (BPTTCompiler, {"backward_threshold": 0.9}, *EXPONENTIAL),
}


def compile_network(args: argparse.Namespace, rule: str) -> tuple[Any, Population]:
    """Returns the compiled network and its hidden neurons."""
    compiler, options, synapse, first, recurrent = RULES[rule]
    with Network() as network:
        inputs = Population("spike_input", NUM_INPUT)
        hidden = Population("leaky_integrate_fire", args.hidden, record_spikes=True)
        output = Population(LeakyIntegrate(readout="avg_var"), NUM_OUTPUT)
        Connection(inputs, hidden, Dense(Normal(*first)), synapse)
        Connection(hidden, hidden, Dense(Normal(*recurrent)), synapse)
        Connection(hidden, output, Dense(Normal(0.0, 0.03)), synapse)
    compiled = compiler(
        args.steps,
        "sparse_categorical_crossentropy",
        batch_size=args.batch,
        num_threads=args.threads,
        **options,
    ).compile(network)
    return compiled, hidden


def main() -> None:
    """Measures and reports."""
    args = benchmark_parser(
        __doc__, repeats=9, hidden=256, steps=500, batch=32, threads=2
    ).parse_args()
    x = to_examples(random_raster(args.batch, args.steps, NUM_INPUT))
    y = np.arange(args.batch) % NUM_OUTPUT
    steps, spikes = {}, {}
    for rule in RULES:
        compiled, hidden = compile_network(args, rule)
        recorder = SpikeRecorder(hidden, key="hidden", record_counts=True)
        _, recorded = compiled.evaluate(x, y, callbacks=[recorder])
        spikes[rule] = float(np.sum(recorded["hidden"])) / args.batch
        steps[rule] = TrainingStep(compiled, x, y)
    times = measure_in_turn(args.repeats, steps)
    table = {
        rule: {
            "step [ms]": measurement(times[rule]),
            "step / EventProp's": measurement(ratios(times[rule], times["EventProp"])),
            "hidden rate [Hz]": 1e3 * spikes[rule] / args.hidden / args.steps,
        }
        for rule in RULES
    }
    report("A training step under each learning rule", {"Training step": table}, args)


if __name__ == "__main__":
    main()
