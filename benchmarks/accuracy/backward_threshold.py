"""Accuracy and time of the backward pass against the backward threshold of BPTT.

MNIST, 8,000 training and 2,000 test digits as latencies of spikes, 128 hidden neurons.
B_th is in units of v - v_thresh, with v_thresh = 1 and reset to 0: neurons with
|v - v_thresh| < B_th take part in the backward pass. The time is that of the backward
pass of one batch after training, relative to the dense one (the fastest of each).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

from ml_genn import InputLayer, Layer, SequentialNetwork
from ml_genn.compilers import BPTTCompiler
from ml_genn.connectivity import Dense
from ml_genn.data import linear_latency_encode_data
from ml_genn.initializers import Normal
from ml_genn.neurons import LeakyIntegrate
from ml_genn.optimisers import Adam
from ml_genn.synapses import Exponential

sys.path.insert(0, str(Path(__file__).parents[1]))
from harness.passes import Passes
from harness.results import benchmark_parser, measurement, report
from harness.spikes import SHARED
from harness.timing import measure_in_turn

PICTURE = Path(__file__).parents[2] / "docs" / "images" / "backward_threshold.png"
DENSE = float("inf")  #: B_th of the dense backward pass
THRESHOLDS = (0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 1.0, DENSE)
NUM_TRAIN, BATCH = 8000, 32
ACCURACY, TIME = "test accuracy [%]", "backward pass / dense"


def parse_arguments() -> argparse.Namespace:
    """Returns the arguments of the command line."""
    parser = benchmark_parser(__doc__, repeats=51, epochs=15, threads=2)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--data", type=Path, default=SHARED / "data" / "mnist10k.npz")
    parser.add_argument("--picture", type=Path, default=PICTURE)
    return parser.parse_args()


def compile_network(args: argparse.Namespace, threshold: float, seed: int) -> Any:
    """Returns a network of 784 inputs, a hidden layer and 10 outputs."""
    synapse = Exponential(10.0)
    with SequentialNetwork() as network:
        InputLayer("spike_input", 784)
        Layer(Dense(Normal(0.078, 0.045)), "leaky_integrate_fire", 128, synapse)
        Layer(Dense(Normal(0.2, 0.37)), LeakyIntegrate(readout="avg_var"), 10, synapse)
    return BPTTCompiler(
        30,
        "sparse_categorical_crossentropy",
        Adam(0.005),
        backward_threshold=None if threshold == DENSE else threshold,
        batch_size=BATCH,
        rng_seed=seed,
        num_threads=args.threads,
    ).compile(network)


def accuracy(compiled: Any, x: Any, y: Any) -> float:
    """Returns the percentage of examples that are classified correctly."""
    (metric,) = compiled.evaluate(x, y, callbacks=[])[0].values()
    return 100 * float(metric.result)


def backward_times(
    args: argparse.Namespace, trained: dict[str, Any], x: Any, y: Any
) -> dict[str, float]:
    """Returns the milliseconds of a backward pass: the fastest of all rounds."""
    passes = {name: Passes(net, x[:BATCH], y[:BATCH]) for name, net in trained.items()}
    forward = {f"{name}, forward": one.forward for name, one in passes.items()}
    both = {f"{name}, both": one.both for name, one in passes.items()}
    times = measure_in_turn(args.repeats, forward | both)
    return {n: min(times[f"{n}, both"]) - min(times[f"{n}, forward"]) for n in passes}


def draw(path: Path, rows: dict[str, dict[str, Any]]) -> None:
    """Saves a picture of accuracy and time against B_th."""
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
    sparse = {float(name): row for name, row in rows.items() if name != "dense"}
    dense = rows["dense"][ACCURACY]["median"]
    left.axhspan(dense - 1, dense + 1, color="0.9", label="dense, 1 point either way")
    left.axhline(dense, color="0.6", linewidth=1)
    for threshold, row in sparse.items():
        accuracies = row[ACCURACY]["min"], row[ACCURACY]["max"]
        left.plot([threshold] * 2, accuracies, color="C0", linewidth=1)
    medians = [row[ACCURACY]["median"] for row in sparse.values()]
    left.plot(list(sparse), medians, "o-", markersize=4)
    left.set(xlabel="$B_{th}$", ylabel=ACCURACY)
    left.legend(loc="lower right", edgecolor="none")
    right.axhline(1, color="0.6", linewidth=1)
    times = [row[TIME] for row in sparse.values()]
    right.plot(list(sparse), times, "o-C1", markersize=4)
    right.set(xlabel="$B_{th}$", ylabel=TIME, ylim=(0, None))
    for ax in (left, right):
        ax.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)


def main() -> None:
    """Trains, measures, reports and draws."""
    args = parse_arguments()
    data = np.load(args.data)
    x, y = linear_latency_encode_data(data["images"], 20.0), data["labels"].astype(int)
    accuracies: dict[str, list[float]] = {}
    trained: dict[str, Any] = {}
    for threshold in THRESHOLDS:
        name = "dense" if threshold == DENSE else f"{threshold:g}"
        accuracies[name] = []
        for seed in args.seeds:
            trained[name] = compile_network(args, threshold, seed)
            trained[name].train(x[:NUM_TRAIN], y[:NUM_TRAIN], args.epochs, callbacks=[])
            tested = accuracy(trained[name], x[NUM_TRAIN:], y[NUM_TRAIN:])
            accuracies[name].append(tested)
        print(f"B_th = {name}: {accuracies[name]}", flush=True)
    times = backward_times(args, trained, x, y)
    rows = {
        name: {ACCURACY: measurement(each), TIME: times[name] / times["dense"]}
        for name, each in accuracies.items()
    }
    report("Accuracy against the backward threshold", {"B_th": rows}, args)
    draw(args.picture, rows)


if __name__ == "__main__":
    main()
