"""A training step of convolutional networks, in turn with torch and snnTorch.

28 by 28 inputs, one or two convolutions of leaky integrate-and-fire neurons, 10 leaky
outputs. Torch is given the input of all time steps in one convolution. Before the
clocks start, its loss and gradients are compared with those of `BPTTCompiler`. snnTorch
takes part where it is installed.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from conv_torch import NUM_OUTPUT, PIXELS, TAU_MEM, TAU_SYN, Convolution, TorchNetwork
from measure import TrainingStep, examples, in_turn, raster, ratio, report, spread

from ml_genn import InputLayer, Layer, SequentialNetwork
from ml_genn.callbacks import SpikeRecorder
from ml_genn.compilers import BPTTCompiler, EventPropCompiler
from ml_genn.connectivity import Conv2D, Dense
from ml_genn.neurons import LeakyIntegrate
from ml_genn.synapses import Exponential

#: Relative difference of loss and gradients; a voltage within rounding of the threshold
#: may be a spike in one program only.
MOST = 1e-2
RULES = {"EventProp": EventPropCompiler, "BPTT": BPTTCompiler}


NETWORKS = {
    "one convolution": [Convolution(16, 5, 2, (0.3, 0.8))],
    "two convolutions": [
        Convolution(8, 5, 1, (0.5, 0.8)),
        Convolution(16, 3, 2, (0.1, 0.3)),
    ],
}


def kernels(layers: list[Convolution]) -> list[np.ndarray]:
    """Kernels (rows, columns, channels, filters) and weights to the outputs."""
    rng = np.random.default_rng(0)
    channels, pixels, found = 1, PIXELS, []
    for layer in layers:
        shape = (layer.size, layer.size, channels, layer.filters)
        found.append(rng.normal(*layer.weights, shape))
        channels, pixels = layer.filters, (pixels - layer.size) // layer.stride + 1
    return [*found, rng.normal(0.0, 0.05, (pixels**2 * channels, NUM_OUTPUT))]


def build(layers: list[Convolution], weights: list[np.ndarray]) -> SequentialNetwork:
    """The network."""
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


def compare(compiled: Any, network: SequentialNetwork, own: Any, theirs: Any) -> float:
    """The largest relative difference of a gradient; checks it."""
    loss, expected = theirs.gradients()
    assert abs(compiled.loss(*own) - loss) < MOST * loss
    found = compiled.gradients(*own)
    errors = [
        float(np.linalg.norm(found[c] - e) / np.linalg.norm(e))
        for c, e in zip(network.connections, expected, strict=True)
    ]
    assert max(errors) < MOST, f"gradients differ from torch's by {errors}"
    return max(errors)


def parse_arguments() -> argparse.Namespace:
    """What the user asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--json", type=Path, help="where figures are written")
    return parser.parse_args()


def measured(args: argparse.Namespace, layers: list[Convolution]) -> dict[str, Any]:
    """Rows of a table."""
    spikes = raster(args.batch, args.steps, PIXELS**2)
    x = examples(spikes)
    y = np.arange(args.batch) % NUM_OUTPUT
    weights = kernels(layers)
    theirs = TorchNetwork(layers, weights, spikes, y)
    subjects: dict[str, Callable[[], float]] = {"torch": theirs}
    fired: dict[str, float] = {}
    for rule, compiler in RULES.items():
        network = build(layers, weights)
        compiled = compiler(
            args.steps,
            "sparse_categorical_crossentropy",
            batch_size=args.batch,
            num_threads=args.threads,
        ).compile(network)
        hidden = network.layers[1:-1]
        recorders = [SpikeRecorder(p, key=p, record_counts=True) for p in hidden]
        _, counted = compiled.evaluate(x, y, callbacks=recorders)
        fired[rule] = sum(float(np.sum(counted[p])) for p in hidden) / args.batch
        if rule == "BPTT":
            error = compare(compiled, network, (x, y), theirs)
        subjects[rule] = TrainingStep(compiled, x, y)
    if find_spec("snntorch"):
        peer = import_module("conv_snntorch").SnnTorchNetwork(
            layers, weights, spikes, y
        )
        peer.loss()
        subjects["snnTorch"], fired["snnTorch"] = peer, peer.spikes
    print(f"{layers}: largest relative difference of a gradient {error:.1e}")
    times = in_turn(args.repeats, subjects)
    return {
        name: {
            **spread(times[name]),
            **{
                f"{peer} / it": ratio(times[peer], times[name])
                for peer in subjects
                if peer not in RULES
            },
            "spikes": fired.get(name, fired["BPTT"]),
        }
        for name in subjects
    }


def main() -> None:
    """Measures and prints."""
    args = parse_arguments()
    torch.set_num_threads(args.threads)
    torch.set_flush_denormal(True)
    report(
        {
            f"{name}: training step [ms], hidden spikes of an example": measured(
                args, layers
            )
            for name, layers in NETWORKS.items()
        },
        args.json,
    )


if __name__ == "__main__":
    main()
