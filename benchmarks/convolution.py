"""A training step of convolutional networks against torch and snnTorch.

28 by 28 inputs, one or two convolutions of leaky integrate-and-fire neurons, 10 leaky
outputs. Torch computes the input of all time steps by one convolution. First, loss and
gradients of `BPTTCompiler` are compared with torch's. snnTorch takes part where it is
installed.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from harness.results import benchmark_parser, measurement, report
from harness.spikes import random_raster, to_examples
from harness.timing import TrainingStep, measure_in_turn, ratios
from torch_models.convolution import (
    NUM_OUTPUT,
    PIXELS,
    TAU_MEM,
    TAU_SYN,
    Convolution,
    TorchConvolution,
)

from ml_genn import InputLayer, Layer, SequentialNetwork
from ml_genn.callbacks import SpikeRecorder
from ml_genn.compilers import BPTTCompiler, EventPropCompiler
from ml_genn.connectivity import Conv2D, Dense
from ml_genn.neurons import LeakyIntegrate
from ml_genn.synapses import Exponential

#: Relative difference of loss and gradients. A voltage that is equal to the threshold
#: up to rounding may be a spike in one program only.
TOLERANCE = 1e-2
RULES = {"EventProp": EventPropCompiler, "BPTT": BPTTCompiler}
NETWORKS = {
    "16 filters of 5x5": [Convolution(16, 5, 2, (0.3, 0.8))],
    "8 filters of 5x5, 16 of 3x3": [
        Convolution(8, 5, 1, (0.5, 0.8)),
        Convolution(16, 3, 2, (0.1, 0.3)),
    ],
}


def random_weights(layers: list[Convolution]) -> list[np.ndarray]:
    """Returns kernels (rows, columns, channels, filters), and output weights."""
    rng = np.random.default_rng(0)
    channels, pixels, weights = 1, PIXELS, []
    for layer in layers:
        shape = (layer.size, layer.size, channels, layer.filters)
        weights.append(rng.normal(*layer.weights, shape))
        channels, pixels = layer.filters, (pixels - layer.size) // layer.stride + 1
    return [*weights, rng.normal(0.0, 0.05, (pixels**2 * channels, NUM_OUTPUT))]


def build(layers: list[Convolution], weights: list[np.ndarray]) -> SequentialNetwork:
    """Returns the network in ml_genn."""
    synapse = Exponential(TAU_SYN)
    with SequentialNetwork() as network:
        InputLayer("spike_input", (PIXELS, PIXELS, 1))
        for layer, kernel in zip(layers, weights, strict=False):
            connectivity = Conv2D(
                kernel, layer.filters, layer.size, conv_strides=layer.stride
            )
            Layer(
                connectivity,
                "leaky_integrate_fire",
                synapse=synapse,
                record_spikes=True,
            )
        output = LeakyIntegrate(tau_mem=TAU_MEM, readout="avg_var")
        Layer(Dense(weights[-1]), output, NUM_OUTPUT, synapse)
    return network


def check_gradients(
    compiled: Any, x: Any, y: np.ndarray, theirs: TorchConvolution
) -> float:
    """Raises AssertionError unless loss and gradients are torch's.

    Returns:
        The largest relative difference of a gradient.
    """
    loss, expected = theirs.gradients()
    assert abs(compiled.loss(x, y) - loss) < TOLERANCE * loss
    gradients = compiled.gradients(x, y)
    differences = [
        float(np.linalg.norm(gradients[c] - e) / np.linalg.norm(e))
        for c, e in zip(compiled.network.connections, expected, strict=True)
    ]
    assert max(differences) < TOLERANCE, f"gradients differ by {differences}"
    return max(differences)


def hidden_spikes(compiled: Any, x: Any, y: np.ndarray) -> float:
    """Returns the number of hidden spikes of an example."""
    hidden = compiled.network.layers[1:-1]
    recorders = [SpikeRecorder(p, key=p, record_counts=True) for p in hidden]
    _, counts = compiled.evaluate(x, y, callbacks=recorders)
    return sum(float(np.sum(counts[p])) for p in hidden) / len(y)


def compile_rules(
    args: argparse.Namespace, layers: list[Convolution], weights: list[np.ndarray]
) -> dict[str, Any]:
    """Returns the network compiled for each learning rule."""
    return {
        rule: compiler(
            args.steps,
            "sparse_categorical_crossentropy",
            batch_size=args.batch,
            num_threads=args.threads,
        ).compile(build(layers, weights))
        for rule, compiler in RULES.items()
    }


def measure(args: argparse.Namespace, network: str) -> dict[str, Any]:
    """Returns the rows of a network, a key of ``NETWORKS``."""
    layers = NETWORKS[network]
    raster = random_raster(args.batch, args.steps, PIXELS**2)
    x, y = to_examples(raster), np.arange(args.batch) % NUM_OUTPUT
    weights = random_weights(layers)
    compiled = compile_rules(args, layers, weights)
    in_torch = TorchConvolution(layers, weights, raster, y)
    difference = check_gradients(compiled["BPTT"], x, y, in_torch)
    print(f"{network}: largest relative difference of a gradient {difference:.1e}")

    spikes = {rule: hidden_spikes(one, x, y) for rule, one in compiled.items()}
    steps: dict[str, Callable[[], float]] = {
        rule: TrainingStep(one, x, y) for rule, one in compiled.items()
    }
    peers: dict[str, Any] = {"torch": in_torch}
    spikes["torch"] = spikes["BPTT"]
    if find_spec("snntorch"):
        module = import_module("torch_models.snntorch_convolution")
        peer = module.SnnTorchConvolution(layers, weights, raster, y)
        peer.loss()
        peers["snnTorch"], spikes["snnTorch"] = peer, peer.spikes
    times = measure_in_turn(args.repeats, steps | peers)
    return {
        f"{network}, {name}": {
            "step [ms]": measurement(times[name]),
            **{
                f"{peer}'s step / this": measurement(ratios(times[peer], times[name]))
                for peer in peers
                if name in RULES
            },
            "hidden spikes per example": spikes[name],
        }
        for name in times
    }


def main() -> None:
    """Measures and reports."""
    args = benchmark_parser(
        __doc__, repeats=9, steps=30, batch=32, threads=1
    ).parse_args()
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)
    table = {
        row: cells
        for network in NETWORKS
        for row, cells in measure(args, network).items()
    }
    title = "A training step of convolutional networks"
    report(title, {"Training step": table}, args)


if __name__ == "__main__":
    main()
