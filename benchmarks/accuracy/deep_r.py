"""Deep-R against fixed sparse connectivity: spoken digits with 10 % of the synapses.

The recurrent network of ``examples/spoken_digits.py``, trained by BPTT; input and
recurrent connections are random. Both networks start with the same synapses; in one of
them Deep-R replaces synapses during training.
"""

from __future__ import annotations

import argparse
import runpy
import sys
from pathlib import Path
from typing import Any

import numpy as np

from ml_genn import Connection, Network, Population
from ml_genn.compilers import BPTTCompiler
from ml_genn.connectivity import Dense, FixedProbability
from ml_genn.initializers import Normal
from ml_genn.neurons import LeakyIntegrate, LeakyIntegrateFire
from ml_genn.optimisers import Adam
from ml_genn.synapses import Exponential

sys.path.insert(0, str(Path(__file__).parents[1]))
from harness.results import benchmark_parser, measurement, report

EXAMPLE = runpy.run_path(
    str(Path(__file__).parents[2] / "examples" / "spoken_digits.py")
)
DT, DURATION = 10.0, 500.0  # [ms]
NUM_INPUT, NUM_HIDDEN, NUM_OUTPUT = 700, 256, 10
LEARNING_RATE = 0.003


def build(probability: float) -> tuple[Network, list[Connection]]:
    """Returns the network and its sparse connections.

    Args:
        probability: of each synapse. Weights are larger by its inverse root, so that
            inputs have the variance of the dense network's.
    """
    synapse, scale = Exponential(20.0), probability**-0.5
    with Network() as network:
        source = Population("spike_input", NUM_INPUT)
        hidden = Population(LeakyIntegrateFire(tau_mem=100.0), NUM_HIDDEN)
        readout = LeakyIntegrate(tau_mem=20.0, readout="avg_var")
        output = Population(readout, NUM_OUTPUT)
        sparse = [
            Connection(
                pre,
                hidden,
                FixedProbability(probability, Normal(0.0, scale * deviation)),
                synapse,
            )
            for pre, deviation in ((source, 0.1), (hidden, 0.05))
        ]
        Connection(hidden, output, Dense(Normal(0.0, 0.3)), synapse)
    return network, sparse


def train(
    recordings: Any, seed: int, args: argparse.Namespace, deep_r: bool
) -> tuple[Any, list[Connection], dict[Any, Any]]:
    """Trains a network.

    Args:
        recordings: training examples.
        seed: of weights and connections.
        args: probability of synapses, strength of the L1 regularisation, epochs.
        deep_r: True if Deep-R replaces synapses.

    Returns:
        The compiled network, its sparse connections, and the replacements by name.
    """
    network, sparse = build(args.probability)
    options = {
        "deep_r_conns": sparse,
        "deep_r_l1_strength": args.l1,
        "deep_r_record_rewirings": {c: c.name for c in sparse},
    }
    optimiser = Adam(LEARNING_RATE)
    compiled = BPTTCompiler(
        round(DURATION / DT),
        "sparse_categorical_crossentropy",
        optimiser,
        dt=DT,
        batch_size=32,
        rng_seed=seed,
        num_threads=1,
        **(options if deep_r else {}),
    ).compile(network)
    batches = EXAMPLE["Augmented"](
        recordings, EXAMPLE["SETTINGS"]["bptt"], np.random.default_rng(seed)
    )
    schedule = EXAMPLE["CosineDecay"](optimiser, args.epochs * len(batches))
    _, recorded = compiled.train(batches, num_epochs=args.epochs, callbacks=[schedule])
    return compiled, sparse, recorded


def accuracy(compiled: Any, recordings: Any) -> float:
    """Returns the percentage of recordings that are classified correctly."""
    spikes = [EXAMPLE["cut"](example) for example in recordings.spikes]
    (metric,) = compiled.evaluate(spikes, recordings.digits, callbacks=[])[0].values()
    return 100 * float(metric.result)


def check_synapses(compiled: Any, sparse: list[Connection]) -> None:
    """Raises AssertionError if two synapses connect the same pair of neurons."""
    for connection in sparse:
        pairs = set(zip(*compiled.indices(connection), strict=True))
        assert len(pairs) == compiled.weights(connection).size


def main() -> None:
    """Trains, compares and reports."""
    parser = benchmark_parser(__doc__, epochs=30, seeds=3)
    parser.add_argument("--data", type=Path, default=EXAMPLE["DATA"])
    parser.add_argument("--probability", type=float, default=0.1)
    parser.add_argument("--l1", type=float, default=1e-5)
    args = parser.parse_args()
    recordings = EXAMPLE["load"](args.data)
    training, test = recordings.select(range(5, 50)), recordings.select(range(5))
    table = {}
    for name, deep_r in (("fixed", False), ("Deep-R", True)):
        accuracies, replaced = [], []
        for seed in range(1, args.seeds + 1):
            compiled, sparse, recorded = train(training, seed, args, deep_r)
            check_synapses(compiled, sparse)
            accuracies.append(accuracy(compiled, test))
            replaced = [sum(n for n, _ in recorded.get(c.name, [])) for c in sparse]
            print(f"{name}, seed {seed}: {accuracies[-1]:.1f} %", flush=True)
        synapses = [compiled.weights(c).size for c in sparse]
        table[name] = {
            "test accuracy [%]": measurement(accuracies),
            "input synapses, replaced": f"{synapses[0]:,}, {replaced[0]:,}",
            "recurrent synapses, replaced": f"{synapses[1]:,}, {replaced[1]:,}",
        }
    report("Deep-R against fixed connectivity", {"Connectivity": table}, args)


if __name__ == "__main__":
    main()
