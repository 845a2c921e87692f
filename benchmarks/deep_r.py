"""Deep-R against fixed sparse connectivity: spoken digits with 10 % of the synapses.

The recurrent network of ``examples/spoken_digits.py``, trained by BPTT; input and
recurrent connections are drawn at random. Both networks start alike; in one of them
synapses move to where they are of use.
"""

from __future__ import annotations

import argparse
import runpy
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

from ml_genn import Connection, Network, Population
from ml_genn.compilers import BPTTCompiler
from ml_genn.connectivity import Dense, FixedProbability
from ml_genn.initializers import Normal
from ml_genn.neurons import LeakyIntegrate, LeakyIntegrateFire
from ml_genn.optimisers import Adam
from ml_genn.synapses import Exponential

DIGITS = runpy.run_path(
    str(Path(__file__).parents[1] / "examples" / "spoken_digits.py")
)
DT, DURATION = 10.0, 500.0  # [ms]
SIZES = (700, 256, 10)
RATE = 0.003


def trained(
    train: Any, seed: int, probability: float, l1: float | None, epochs: int
) -> tuple[Any, list[Connection], dict[Any, Any]]:
    """A trained network, its sparse connections and what was rewired in each batch.

    Args:
        train: recordings.
        seed: of weights and connections.
        probability: share of the synapses that there are.
        l1: strength of Deep-R's L1 regularisation; None for fixed connections.
        epochs: how often the recordings are shown.
    """
    with Network() as network:
        source, hidden, output = (
            Population(neuron, size)
            for neuron, size in zip(
                (
                    "spike_input",
                    LeakyIntegrateFire(tau_mem=100.0),
                    LeakyIntegrate(tau_mem=20.0, readout="avg_var"),
                ),
                SIZES,
                strict=True,
            )
        )
        synapse = Exponential(20.0)
        larger = probability**-0.5
        sparse = [
            Connection(
                before,
                hidden,
                FixedProbability(probability, Normal(0.0, larger * deviation)),
                synapse,
            )
            for before, deviation in ((source, 0.1), (hidden, 0.05))
        ]
        Connection(hidden, output, Dense(Normal(0.0, 0.3)), synapse)
    deep_r = (
        {}
        if l1 is None
        else {
            "deep_r_conns": sparse,
            "deep_r_l1_strength": l1,
            "deep_r_record_rewirings": {c: c.name for c in sparse},
        }
    )
    optimiser = Adam(RATE)
    compiled = BPTTCompiler(
        round(DURATION / DT),
        "sparse_categorical_crossentropy",
        optimiser,
        dt=DT,
        batch_size=32,
        rng_seed=seed,
        num_threads=1,
        **deep_r,
    ).compile(network)
    batches = DIGITS["Changed"](
        train, DIGITS["SETTINGS"]["bptt"], np.random.default_rng(seed)
    )
    slower = DIGITS["Cosine"](optimiser, epochs * len(batches))
    _, recorded = compiled.train(batches, num_epochs=epochs, callbacks=[slower])
    return compiled, sparse, recorded


def accuracy(compiled: Any, recordings: Any) -> float:
    """Share of recordings that are told right [%]."""
    spikes = [DIGITS["cut"](example) for example in recordings.spikes]
    (metric,) = compiled.evaluate(spikes, recordings.digits, callbacks=[])[0].values()
    return 100 * float(metric.result)


def main() -> None:
    """Prints test accuracies of both, and how many synapses there are and moved."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DIGITS["DATA"])
    parser.add_argument("--probability", type=float, default=0.1)
    parser.add_argument("--l1", type=float, default=1e-5)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    recordings = DIGITS["load"](args.data)
    train, test = recordings.among(range(5, 50)), recordings.among(range(5))
    for name, l1 in (("fixed", None), ("Deep-R", args.l1)):
        found = []
        for seed in range(1, args.seeds + 1):
            compiled, sparse, recorded = trained(
                train, seed, args.probability, l1, args.epochs
            )
            found.append(accuracy(compiled, test))
            counts = [compiled.weights(c).size for c in sparse]
            moved = [sum(n for n, _ in recorded.get(c.name, [])) for c in sparse]
            pairs = [set(zip(*compiled.indices(c), strict=True)) for c in sparse]
            assert counts == [len(p) for p in pairs]
            print(f"{name}, seed {seed}: {found[-1]:.1f} %; synapses {counts}", end="")
            print(f", moved {moved}" if l1 is not None else "", flush=True)
        print(f"{name}: mean {mean(found):.1f} %")


if __name__ == "__main__":
    main()
