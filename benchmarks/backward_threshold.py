"""What the backward threshold B_th of BPTT does to accuracy and to the backward pass.

MNIST, 8,000 training and 2,000 test digits as latencies of spikes, 128 hidden neurons.
B_th is in units of v - v_thresh, with v_thresh = 1 and reset to 0: neurons with
|v - v_thresh| < B_th take part in the backward pass. The time is that of the backward
pass of one batch after training, relative to the dense one (the fastest of each).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from measure import SHARED, in_turn, report

from ml_genn import InputLayer, Layer, SequentialNetwork
from ml_genn.compilers import BPTTCompiler
from ml_genn.connectivity import Dense
from ml_genn.data import linear_latency_encode_data
from ml_genn.initializers import Normal
from ml_genn.model.batch import RunOptions
from ml_genn.neurons import LeakyIntegrate
from ml_genn.optimisers import Adam
from ml_genn.synapses import Exponential
from ml_genn.training.data.examples import in_memory

DOCS = Path(__file__).parents[1] / "docs"
DENSE = float("inf")
THRESHOLDS = (0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 1.0, DENSE)
NUM_TRAIN, BATCH = 8000, 32


def parse_arguments() -> argparse.Namespace:
    """What the user asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=51)
    parser.add_argument("--data", type=Path, default=SHARED / "data" / "mnist10k.npz")
    parser.add_argument(
        "--picture",
        type=Path,
        default=DOCS / "images" / "backward_threshold.png",
    )
    parser.add_argument("--json", type=Path, help="where figures are written")
    return parser.parse_args()


def build(args: argparse.Namespace, threshold: float) -> Any:
    """784 inputs, a hidden layer, 10 outputs."""
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
        num_threads=args.threads,
    ).compile(network)


def accuracy(compiled: Any, x: Any, y: Any) -> float:
    """Percent of examples that are right."""
    (metric,) = compiled.evaluate(x, y, callbacks=[])[0].values()
    return 100 * float(metric.result)


def runs(compiled: Any, x: Any, y: Any) -> list[Callable[[], float]]:
    """Functions that give the milliseconds of forward pass and of both passes."""
    data = in_memory(x[:BATCH], y[:BATCH], compiled.data_spec, BATCH)
    batch = np.arange(BATCH)

    def milliseconds(options: RunOptions) -> float:
        start = time.perf_counter()
        compiled.model.run(data.prepared, batch, options)
        return 1e3 * (time.perf_counter() - start)

    both = RunOptions(backward=True, gradients=True)
    return [lambda: milliseconds(RunOptions()), lambda: milliseconds(both)]


def backward(
    args: argparse.Namespace, trained: Any, x: Any, y: Any
) -> dict[str, float]:
    """Milliseconds of the backward pass of one batch: the fastest of many."""
    subjects = {
        f"{name}{k}": run
        for name, compiled in trained.items()
        for k, run in enumerate(runs(compiled, x, y))
    }
    times = in_turn(args.repeats, subjects)
    return {n: min(times[f"{n}1"]) - min(times[f"{n}0"]) for n in trained}


def picture(path: Path, rows: dict[str, dict[str, float]]) -> None:
    """Saves accuracy and time against B_th."""
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
    values = [float(name) for name in rows if name != "dense"]
    sparse = [row for name, row in rows.items() if name != "dense"]
    dense = rows["dense"]["accuracy [%]"]
    left.axhspan(dense - 1, dense + 1, color="0.9", label="dense, 1 point either way")
    left.axhline(dense, color="0.6", linewidth=1)
    for row, value in zip(sparse, values, strict=True):
        left.plot([value] * 2, [row["worst"], row["best"]], color="C0", linewidth=1)
    left.plot(values, [r["accuracy [%]"] for r in sparse], "o-", markersize=4)
    left.set(xlabel="$B_{th}$", ylabel="test accuracy [%]")
    left.legend(loc="lower right", edgecolor="none")
    right.axhline(1, color="0.6", linewidth=1)
    right.plot(values, [r["time / dense"] for r in sparse], "o-C1", markersize=4)
    right.set(xlabel="$B_{th}$", ylabel="backward pass / dense", ylim=(0, None))
    for ax in (left, right):
        ax.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)


def main() -> None:
    """Trains, measures, draws."""
    args = parse_arguments()
    data = np.load(args.data)
    x, y = linear_latency_encode_data(data["images"], 20.0), data["labels"].astype(int)
    train, test = slice(NUM_TRAIN), slice(NUM_TRAIN, None)
    reached: dict[str, list[float]] = {}
    trained: dict[str, Any] = {}
    for threshold in THRESHOLDS:
        name = "dense" if threshold == DENSE else f"{threshold:g}"
        reached[name] = []
        for seed in args.seeds:
            np.random.seed(seed)
            trained[name] = build(args, threshold)
            trained[name].train(x[train], y[train], args.epochs, callbacks=[])
            reached[name].append(accuracy(trained[name], x[test], y[test]))
        print(f"B_th = {name}: {reached[name]}", flush=True)
    times = backward(args, trained, x, y)
    rows = {
        name: {
            "accuracy [%]": float(np.mean(found)),
            "worst": min(found),
            "best": max(found),
            "time / dense": times[name] / times["dense"],
        }
        for name, found in reached.items()
    }
    report({"B_th": rows}, args.json)
    picture(args.picture, rows)


if __name__ == "__main__":
    main()
