"""One training step of the same network under each learning rule.

700 inputs, recurrent leaky integrate-and-fire neurons, 20 leaky outputs. The weights
are scaled so that the network fires alike with e-prop's delta synapses and with the
exponential synapses of the other rules; the rates are printed.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from measure import TrainingStep, examples, in_turn, raster, ratio, report, spread

from ml_genn import Connection, Network, Population
from ml_genn.callbacks import SpikeRecorder
from ml_genn.compilers import BPTTCompiler, EPropCompiler, EventPropCompiler
from ml_genn.connectivity import Dense
from ml_genn.initializers import Normal
from ml_genn.neurons import LeakyIntegrate
from ml_genn.synapses import Delta, Exponential

NUM_INPUT, NUM_OUTPUT = 700, 20
#: Synapse, moments of input and of recurrent weights.
CURRENTS = (Exponential(5.0), (0.03, 0.01), (0.0, 0.02))
#: {rule: (compiler, its own arguments, synapse, moments)}
RULES: dict[str, Any] = {
    "EventProp": (EventPropCompiler, {}, *CURRENTS),
    "e-prop": (EPropCompiler, {}, Delta(), (0.0073, 0.0025), (0.0, 0.005)),
    "BPTT": (BPTTCompiler, {}, *CURRENTS),
    "BPTT, B_th = 0.9": (BPTTCompiler, {"backward_threshold": 0.9}, *CURRENTS),
}


def parse_arguments() -> argparse.Namespace:
    """What the user asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--json", type=Path, help="where figures are written")
    return parser.parse_args()


def build(args: argparse.Namespace, rule: str) -> tuple[Any, Population]:
    """The compiled network, and its hidden neurons."""
    compiler, own, synapse, first, recurrent = RULES[rule]
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
        **own,
    ).compile(network)
    return compiled, hidden


def main() -> None:
    """Measures and prints."""
    args = parse_arguments()
    x = examples(raster(args.batch, args.steps, NUM_INPUT))
    y = np.arange(args.batch) % NUM_OUTPUT
    steps, spikes = {}, {}
    for rule in RULES:
        compiled, hidden = build(args, rule)
        recorder = SpikeRecorder(hidden, key="hidden", record_counts=True)
        _, found = compiled.evaluate(x, y, callbacks=[recorder])
        spikes[rule] = float(np.sum(found["hidden"])) / args.batch
        steps[rule] = TrainingStep(compiled, x, y)
    times = in_turn(args.repeats, steps)
    rows = {
        rule: {
            **spread(times[rule]),
            "/ EventProp": ratio(times[rule], times["EventProp"]),
            "spikes": spikes[rule],
            "rate [Hz]": 1e3 * spikes[rule] / args.hidden / args.steps,
        }
        for rule in RULES
    }
    report({"training step [ms], hidden spikes of an example": rows}, args.json)


if __name__ == "__main__":
    main()
