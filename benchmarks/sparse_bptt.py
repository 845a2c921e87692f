"""Sparse backpropagation through time against torch's automatic differentiation.

The setting of Perez-Nieves & Goodman (2021): two hidden layers of 200 leaky
integrate-and-fire neurons, 500 time steps. Compared is the backward pass alone, and the
memory of forward and backward pass. Torch runs the same discrete steps layer by layer:
each layer's input of all steps is one matrix product, and only the neurons are stepped.
In one form the surrogate is applied in each step, as is usual. In the other it is
applied once to all steps of a layer, which this network allows since the gradient does
not follow the reset.

Ours runs both passes in one call, so the time of the backward pass is the difference of
runs with and without it. Gradients of all are checked to be the same.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measure import examples, growth, in_turn, raster, ratio, report, spread
from torch_lif import Leaky, Spike, arriving

from ml_genn import Connection, Network, Population
from ml_genn.compilers import BPTTCompiler
from ml_genn.connectivity import Dense
from ml_genn.model.batch import RunOptions
from ml_genn.neurons import LeakyIntegrate, LeakyIntegrateFire
from ml_genn.synapses import Exponential
from ml_genn.training.data.examples import in_memory

NUM_INPUT, NUM_OUTPUT = 700, 20
TAU_MEM, TAU_SYN = 10.0, 5.0  # time steps
DENSE = float("inf")
DIFFERENCES = 5  #: runs behind one time of ours
SAME = 1e-4  #: relative difference of gradients that rounding may cause
TORCH = ("torch, surrogate in each step", "torch, surrogate once")


def parse_arguments() -> argparse.Namespace:
    """What the user asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--hidden", type=int, default=200)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=9)
    for name, mean, sd in (("first", -0.045, 0.8), ("second", -0.21, 1.0)):
        parser.add_argument(
            f"--{name}",
            type=float,
            nargs=2,
            default=(mean, sd),
            help=f"mean and deviation of the weights onto the {name} hidden layer",
        )
    parser.add_argument(
        "--thresholds", type=float, nargs="+", default=[DENSE, 0.95, 0.9, 0.5, 0.05]
    )
    parser.add_argument("--json", type=Path, help="where figures are written")
    return parser.parse_args()


def recordings(args: argparse.Namespace) -> np.ndarray:
    """Spikes in the first half of the time: recordings are padded to the longest."""
    return raster(args.batch, args.steps, NUM_INPUT, lasting=0.5)


def weights(args: argparse.Namespace) -> list[np.ndarray]:
    """Weights that make both hidden layers fire at about 10 Hz (steps of 1 ms)."""
    rng = np.random.default_rng(1)
    sizes = (NUM_INPUT, args.hidden, args.hidden, NUM_OUTPUT)
    moments = (args.first, args.second, (0.0, 0.1))
    return [
        rng.normal(*m, shape).astype(np.float32)
        for m, shape in zip(moments, pairwise(sizes), strict=True)
    ]


class Ours:
    """The network in ml_genn.

    Args:
        args: sizes and weights.
        threshold: B_th; infinity for the dense backward pass.
    """

    def __init__(self, args: argparse.Namespace, threshold: float) -> None:
        self.args = args
        with Network() as network:
            populations = [
                Population("spike_input", NUM_INPUT),
                Population(LeakyIntegrateFire(tau_mem=TAU_MEM), args.hidden),
                Population(LeakyIntegrateFire(tau_mem=TAU_MEM), args.hidden),
                Population(
                    LeakyIntegrate(tau_mem=TAU_MEM, readout="avg_var"), NUM_OUTPUT
                ),
            ]
            ends = pairwise(populations)
            for (pre, post), w in zip(ends, weights(args), strict=True):
                Connection(pre, post, Dense(w), Exponential(TAU_SYN))
        self.compiled = BPTTCompiler(
            args.steps,
            "sparse_categorical_crossentropy",
            batch_size=args.batch,
            num_threads=args.threads,
            backward_threshold=None if threshold == DENSE else threshold,
        ).compile(network)
        self.x = examples(recordings(args))
        self.y = np.arange(args.batch) % NUM_OUTPUT

    def prepare(self) -> None:
        """Builds the model and hands it the spikes."""
        spec = self.compiled.data_spec
        self.prepared = in_memory(self.x, self.y, spec, self.args.batch).prepared

    def run(self, options: RunOptions) -> Any:
        """A batch."""
        everything = np.arange(self.args.batch)
        return self.compiled.model.run(self.prepared, everything, options)

    def gradients(self) -> list[np.ndarray]:
        """Gradients of the weights."""
        result = self.run(RunOptions(backward=True, gradients=True))
        return list(result.gradients.values())

    def difference(self) -> float:
        """Milliseconds that a run with backward pass takes longer than one without."""
        start = time.perf_counter()
        self.run(RunOptions())
        middle = time.perf_counter()
        self.run(RunOptions(backward=True, gradients=True))
        return 1e3 * (time.perf_counter() - middle - (middle - start))

    def backward(self) -> float:
        """Milliseconds of the backward pass: the median of some differences."""
        return statistics.median(self.difference() for _ in range(DIFFERENCES))

    def memory(self) -> float:
        """Megabytes of model, forward and backward pass."""

        def run() -> None:
            self.prepare()
            self.gradients()

        return growth(run)


class Theirs:
    """The same network in torch.

    Args:
        args: sizes and weights.
        once: whether the surrogate is applied once to all steps of a layer.
    """

    LEAKY = Leaky(TAU_MEM, TAU_SYN)

    def __init__(self, args: argparse.Namespace, once: bool) -> None:
        torch.set_num_threads(args.threads)
        torch.set_flush_denormal(True)
        self.layer = self.layer_once if once else self.layer_stepped
        self.w = [torch.tensor(w, requires_grad=True) for w in weights(args)]
        spikes = recordings(args).swapaxes(0, 1)
        self.x = torch.tensor(np.ascontiguousarray(spikes, dtype=np.float32))
        self.y = torch.tensor(np.arange(args.batch) % NUM_OUTPUT)

    def layer_stepped(self, spikes: Any, w: Any) -> Any:
        """Spikes of a layer; the surrogate is applied in each step."""
        inputs = arriving(spikes, w)
        i = v = torch.zeros_like(inputs[0])
        result = []
        for h in inputs:
            i, v = self.LEAKY.step(h, i, v)
            s = Spike.apply(v - 1.0)
            result.append(s)
            v = v * (1.0 - s.detach())
        return torch.stack(result)

    def layer_once(self, spikes: Any, w: Any) -> Any:
        """Spikes of a layer; the surrogate is applied to all steps together."""
        inputs = arriving(spikes, w)
        i = v = torch.zeros_like(inputs[0])
        result = []
        for h in inputs:
            i, v = self.LEAKY.step(h, i, v)
            result.append(v)
            v = v * (v.detach() < 1.0)
        self.crossing.append(torch.stack(result) - 1.0)
        return Spike.apply(self.crossing[-1])

    def loss(self) -> Any:
        """Mean cross-entropy of the outputs' mean voltage."""
        spikes, self.crossing = self.x, []
        for w in self.w[:-1]:
            spikes = self.layer(spikes, w)
        mean = self.LEAKY.mean(arriving(spikes, self.w[-1]))
        return torch.nn.functional.cross_entropy(mean, self.y)

    def gradients(self) -> list[np.ndarray]:
        """Gradients of the weights."""
        self.backward()
        return [w.grad.numpy().copy() for w in self.w]

    def backward(self) -> float:
        """Milliseconds of the backward pass."""
        for w in self.w:
            w.grad = None
        loss = self.loss()
        start = time.perf_counter()
        loss.backward()
        return 1e3 * (time.perf_counter() - start)

    def memory(self) -> float:
        """Megabytes of forward and backward pass."""
        torch.ones(1, requires_grad=True).exp().backward()
        return growth(self.backward)


def name_of(threshold: float) -> str:
    """What a threshold is called in the table."""
    return "ours, dense" if threshold == DENSE else f"ours, B_th = {threshold:g}"


def subject(args: argparse.Namespace, name: str) -> Any:
    """What is measured under a name."""
    if name in TORCH:
        return Theirs(args, once=name == TORCH[1])
    return Ours(args, next(b for b in args.thresholds if name_of(b) == name))


def memory(args: argparse.Namespace, name: str) -> float:
    """Megabytes that a subject needs; run in a process of its own."""
    return float(subject(args, name).memory())


def activity(args: argparse.Namespace) -> dict[str, dict[str, float]]:
    """How often neurons spike, and are active, in each hidden layer."""
    theirs = Theirs(args, once=True)
    theirs.loss()
    crossing = dict(enumerate((u.detach() for u in theirs.crossing), 1))

    def percent(condition: Callable[[Any], Any]) -> dict[str, float]:
        parts = {k: condition(u).float().mean() for k, u in crossing.items()}
        return {f"layer {k}": 100 * float(part) for k, part in parts.items()}

    rows = {"spikes": percent(lambda u: u >= 0)}
    for threshold in args.thresholds:
        if threshold != DENSE:
            rows[f"active, B_th = {threshold:g}"] = percent(
                lambda u, threshold=threshold: u.abs() < threshold
            )
    return rows


def difference(a: list[np.ndarray], b: list[np.ndarray]) -> float:
    """The largest relative difference of gradients."""
    return max(
        float(np.linalg.norm(x - y) / np.linalg.norm(y))
        for x, y in zip(a, b, strict=True)
    )


def main() -> None:
    """Measures and prints."""
    args = parse_arguments()
    ours = [name_of(b) for b in args.thresholds]
    subjects = {name: subject(args, name) for name in (*TORCH, *ours)}
    for name in ours:
        subjects[name].prepare()
    exact = subjects[TORCH[0]].gradients()
    same = [name for name in (TORCH[1], name_of(DENSE)) if name in subjects]
    for name in same:
        assert difference(subjects[name].gradients(), exact) < SAME, name
    times = in_turn(args.repeats, {n: s.backward for n, s in subjects.items()})
    with get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        needs = {n: pool.apply(memory, (args, n)) for n in subjects}
    least = min(needs[name] for name in TORCH)
    rows = {
        name: {
            **spread(times[name]),
            "times faster": ratio(times[TORCH[0]], times[name]),
            "than once": ratio(times[TORCH[1]], times[name]),
            "memory [MB]": needs[name],
            "saved [%]": 100 * (1 - needs[name] / least),
        }
        for name in subjects
    }
    report(
        {
            "steps in which a neuron spikes or is active [%]": activity(args),
            "backward pass [ms]": rows,
        },
        args.json,
    )


if __name__ == "__main__":
    main()
