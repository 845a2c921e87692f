"""Sparse backpropagation through time against torch's automatic differentiation.

The network of Perez-Nieves & Goodman (2021): two hidden layers of 200 leaky
integrate-and-fire neurons, 500 time steps. The backward pass alone is compared, and the
memory of forward and backward pass. Torch takes the same time steps layer by layer: the
input of a layer in all steps is one matrix product, and only the neurons are stepped.
In one form the surrogate is applied in each step, as is usual; in the other it is
applied once to all steps of a layer, which is possible since the gradient does not
follow the reset.

ml_genn runs both passes in one call, so the time of its backward pass is the difference
of runs with and without it. All gradients are compared first.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from itertools import pairwise
from multiprocessing import get_context
from typing import Any

import numpy as np
import torch
from harness.passes import Passes
from harness.results import benchmark_parser, measurement, report
from harness.spikes import random_raster, to_examples
from harness.timing import measure_in_turn, milliseconds, ratios
from harness.usage import memory_growth
from torch_models.leaky import Leaky, Spike, synaptic_input

from ml_genn import Connection, Network, Population
from ml_genn.compilers import BPTTCompiler
from ml_genn.connectivity import Dense
from ml_genn.neurons import LeakyIntegrate, LeakyIntegrateFire
from ml_genn.synapses import Exponential

NUM_INPUT, NUM_OUTPUT = 700, 20
TAU_MEM, TAU_SYN = 10.0, 5.0  # time steps
DENSE = float("inf")  #: B_th of the dense backward pass
DIFFERENCES = 5  #: differences whose median is one measurement of ml_genn
ROUNDING = 1e-4  #: relative difference of gradients that rounding may cause
STEPPED, ONCE = "torch, surrogate in each step", "torch, surrogate once"


def parse_arguments() -> argparse.Namespace:
    """Returns the arguments of the command line."""
    parser = benchmark_parser(
        __doc__, repeats=9, hidden=200, steps=500, batch=32, threads=2
    )
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
    return parser.parse_args()


def input_raster(args: argparse.Namespace) -> np.ndarray:
    """Returns spikes in the first half of the time, as in padded recordings."""
    return random_raster(args.batch, args.steps, NUM_INPUT, active_fraction=0.5)


def random_weights(args: argparse.Namespace) -> list[np.ndarray]:
    """Returns weights with which both hidden layers fire at about 10 Hz."""
    rng = np.random.default_rng(1)
    sizes = (NUM_INPUT, args.hidden, args.hidden, NUM_OUTPUT)
    moments = (args.first, args.second, (0.0, 0.1))
    return [
        rng.normal(*m, shape).astype(np.float32)
        for m, shape in zip(moments, pairwise(sizes), strict=True)
    ]


class MlGennNetwork:
    """The network in ml_genn.

    Args:
        args: sizes and weights.
        threshold: B_th; infinity for the dense backward pass.
    """

    def __init__(self, args: argparse.Namespace, threshold: float) -> None:
        neuron = LeakyIntegrateFire(tau_mem=TAU_MEM)
        readout = LeakyIntegrate(tau_mem=TAU_MEM, readout="avg_var")
        with Network() as network:
            populations = [
                Population("spike_input", NUM_INPUT),
                Population(neuron, args.hidden),
                Population(neuron, args.hidden),
                Population(readout, NUM_OUTPUT),
            ]
            ends = pairwise(populations)
            for (pre, post), w in zip(ends, random_weights(args), strict=True):
                Connection(pre, post, Dense(w), Exponential(TAU_SYN))
        self.compiled = BPTTCompiler(
            args.steps,
            "sparse_categorical_crossentropy",
            batch_size=args.batch,
            num_threads=args.threads,
            backward_threshold=None if threshold == DENSE else threshold,
        ).compile(network)
        self.x = to_examples(input_raster(args))
        self.y = np.arange(args.batch) % NUM_OUTPUT

    def prepare(self) -> None:
        """Builds the model and encodes the spikes."""
        self.passes = Passes(self.compiled, self.x, self.y)

    def gradients(self) -> list[np.ndarray]:
        """Returns the gradients of the weights."""
        return self.passes.gradients()

    def backward(self) -> float:
        """Returns the milliseconds of the backward pass."""
        forward, both = self.passes.forward, self.passes.both
        differences = [-forward() + both() for _ in range(DIFFERENCES)]
        return statistics.median(differences)

    def memory(self) -> float:
        """Returns the megabytes of model, forward and backward pass."""

        def run() -> None:
            self.prepare()
            self.gradients()

        return memory_growth(run)


class TorchNetwork:
    """The same network in torch.

    Args:
        args: sizes and weights.
        once: True if the surrogate is applied once to all steps of a layer.
    """

    LEAKY = Leaky(TAU_MEM, TAU_SYN)

    def __init__(self, args: argparse.Namespace, once: bool) -> None:
        torch.set_num_threads(args.threads)
        torch.set_flush_denormal(True)
        self.layer = self.layer_once if once else self.layer_stepped
        self.w = [torch.tensor(w, requires_grad=True) for w in random_weights(args)]
        spikes = input_raster(args).swapaxes(0, 1)
        self.x = torch.tensor(np.ascontiguousarray(spikes, dtype=np.float32))
        self.y = torch.tensor(np.arange(args.batch) % NUM_OUTPUT)
        #: u = v - v_thresh of each hidden layer in the last call of `loss`.
        self.distances: list[Any] = []

    def layer_stepped(self, spikes: Any, w: Any) -> Any:
        """Returns the spikes of a layer, with the surrogate in each step."""
        all_inputs = synaptic_input(spikes, w)
        i = v = torch.zeros_like(all_inputs[0])
        result = []
        for inputs in all_inputs:
            i, v = self.LEAKY.step(inputs, i, v)
            s = Spike.apply(v - 1.0)
            result.append(s)
            v = v * (1.0 - s.detach())
        return torch.stack(result)

    def layer_once(self, spikes: Any, w: Any) -> Any:
        """Returns the spikes of a layer, with the surrogate for all steps at once."""
        all_inputs = synaptic_input(spikes, w)
        i = v = torch.zeros_like(all_inputs[0])
        voltages = []
        for inputs in all_inputs:
            i, v = self.LEAKY.step(inputs, i, v)
            voltages.append(v)
            v = v * (v.detach() < 1.0)
        self.distances.append(torch.stack(voltages) - 1.0)
        return Spike.apply(self.distances[-1])

    def loss(self) -> Any:
        """Returns the cross-entropy of the outputs' mean voltages."""
        spikes, self.distances = self.x, []
        for w in self.w[:-1]:
            spikes = self.layer(spikes, w)
        mean = self.LEAKY.mean_voltage(synaptic_input(spikes, self.w[-1]))
        return torch.nn.functional.cross_entropy(mean, self.y)

    def gradients(self) -> list[np.ndarray]:
        """Returns the gradients of the weights."""
        self.backward()
        return [w.grad.numpy().copy() for w in self.w]

    def backward(self) -> float:
        """Returns the milliseconds of the backward pass."""
        for w in self.w:
            w.grad = None
        return milliseconds(self.loss().backward)

    def memory(self) -> float:
        """Returns the megabytes of forward and backward pass."""
        # torch's autograd threads are started first.
        torch.ones(1, requires_grad=True).exp().backward()
        return memory_growth(self.backward)


def label(threshold: float) -> str:
    """Returns the row of ml_genn with a threshold."""
    return "ml_genn, dense" if threshold == DENSE else f"ml_genn, B_th = {threshold:g}"


def make_network(args: argparse.Namespace, name: str) -> Any:
    """Returns the network of a row."""
    if name in (STEPPED, ONCE):
        return TorchNetwork(args, once=name == ONCE)
    return MlGennNetwork(args, next(b for b in args.thresholds if label(b) == name))


def measure_memory(args: argparse.Namespace, name: str) -> float:
    """Returns the megabytes of a network; run in a process of its own."""
    return float(make_network(args, name).memory())


def activity(args: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Returns how often neurons spike and are active, by hidden layer [%]."""
    network = TorchNetwork(args, once=True)
    network.loss()
    distances = dict(enumerate((u.detach() for u in network.distances), 1))

    def percent(condition: Callable[[Any], Any]) -> dict[str, float]:
        fractions = {k: condition(u).float().mean() for k, u in distances.items()}
        return {f"layer {k} [%]": 100 * float(f) for k, f in fractions.items()}

    rows = {"spiking": percent(lambda u: u >= 0)}
    for threshold in args.thresholds:
        if threshold != DENSE:
            rows[f"active, B_th = {threshold:g}"] = percent(
                lambda u, threshold=threshold: u.abs() < threshold
            )
    return rows


def relative_difference(a: list[np.ndarray], b: list[np.ndarray]) -> float:
    """Returns the largest relative difference of gradients."""
    return max(
        float(np.linalg.norm(x - y) / np.linalg.norm(y))
        for x, y in zip(a, b, strict=True)
    )


def check_gradients(networks: dict[str, Any]) -> None:
    """Raises AssertionError unless all dense gradients are the same."""
    expected = networks[STEPPED].gradients()
    for name in (ONCE, label(DENSE)):
        if name in networks:
            gradients = networks[name].gradients()
            assert relative_difference(gradients, expected) < ROUNDING, name


def main() -> None:
    """Measures and reports."""
    args = parse_arguments()
    names = [STEPPED, ONCE, *map(label, args.thresholds)]
    networks = {name: make_network(args, name) for name in names}
    for network in networks.values():
        if isinstance(network, MlGennNetwork):
            network.prepare()
    check_gradients(networks)
    steps = {name: network.backward for name, network in networks.items()}
    times = measure_in_turn(args.repeats, steps)
    with get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        memory = {name: pool.apply(measure_memory, (args, name)) for name in names}
    smallest = min(memory[STEPPED], memory[ONCE])
    rows = {
        name: {
            "backward pass [ms]": measurement(times[name]),
            "times faster than torch": measurement(ratios(times[STEPPED], times[name])),
            "than torch, surrogate once": measurement(ratios(times[ONCE], times[name])),
            "memory [MB]": memory[name],
            "memory saved [%]": 100 * (1 - memory[name] / smallest),
        }
        for name in names
    }
    tables = {"Activity of hidden neurons": activity(args), "Backward pass": rows}
    report("Sparse backpropagation through time", tables, args)


if __name__ == "__main__":
    main()
