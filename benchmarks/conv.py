"""A training step of convolutional networks, in turn with the same steps in torch.

28 by 28 inputs, one or two convolutions of leaky integrate-and-fire neurons, 10 leaky
outputs. Torch is given the input of all time steps in one convolution. Before the
clocks start, its loss and gradients are compared with those of `BPTTCompiler`.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measure import TrainingStep, examples, in_turn, raster, ratio, report, spread
from torch.nn.functional import conv2d, cross_entropy

from ml_genn import InputLayer, Layer, SequentialNetwork
from ml_genn.callbacks import SpikeRecorder
from ml_genn.compilers import BPTTCompiler, EventPropCompiler
from ml_genn.connectivity import Conv2D, Dense
from ml_genn.neurons import LeakyIntegrate
from ml_genn.synapses import Exponential

PIXELS, NUM_OUTPUT = 28, 10
TAU_MEM, TAU_SYN = 20.0, 10.0  # [ms], with steps of 1 ms
#: Relative difference of loss and gradients; a voltage within rounding of the threshold
#: may be a spike in one program only.
MOST = 1e-2
RULES = {"EventProp": EventPropCompiler, "BPTT": BPTTCompiler}


@dataclass(frozen=True)
class Convolution:
    """A layer: its kernel, and mean and deviation of the weights."""

    filters: int
    size: int
    stride: int
    weights: tuple[float, float]


NETWORKS = {
    "one convolution": [Convolution(16, 5, 2, (0.3, 0.8))],
    "two convolutions": [
        Convolution(8, 5, 1, (0.5, 0.8)),
        Convolution(16, 3, 2, (0.1, 0.3)),
    ],
}


class Spike(torch.autograd.Function):
    """A step whose derivative is that of `ml_genn.surrogates.FastSigmoid`."""

    @staticmethod
    def forward(ctx: Any, u: torch.Tensor) -> torch.Tensor:
        """1 where the threshold is reached."""
        ctx.save_for_backward(u)
        return (u >= 0).to(u.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        """The gradient times the surrogate's slope."""
        (u,) = ctx.saved_tensors
        return gradient / (1.0 + 10.0 * u.abs()) ** 2


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


class TorchNetwork:
    """The same network in torch, with its training step.

    Args:
        layers, weights: as for `build`.
        x: spikes (examples, steps, neurons).
        y: labels.
    """

    def __init__(
        self,
        layers: list[Convolution],
        weights: list[np.ndarray],
        x: np.ndarray,
        y: np.ndarray,
    ) -> None:
        self.strides = [layer.stride for layer in layers]
        ordered = [np.transpose(w, (3, 2, 0, 1)) for w in weights[:-1]]
        rows = weights[-1].reshape(-1, layers[-1].filters, NUM_OUTPUT)
        ordered.append(rows.transpose(1, 0, 2).reshape(-1, NUM_OUTPUT))
        self.weights = [
            torch.tensor(np.ascontiguousarray(w), dtype=torch.float32).requires_grad_()
            for w in ordered
        ]
        steps = x.shape[1]
        images = x.transpose(1, 0, 2).reshape(steps, len(x), 1, PIXELS, PIXELS)
        self.x = torch.tensor(images, dtype=torch.float32)
        self.y = torch.tensor(y)
        self.optimiser = torch.optim.Adam(self.weights, lr=0.0)

    def loss(self) -> torch.Tensor:
        """Cross-entropy of the outputs' mean voltages."""
        a, b = math.exp(-1.0 / TAU_MEM), math.exp(-1.0 / TAU_SYN)
        gain = (1.0 - a) * TAU_SYN * (1.0 - b)
        *convolutions, to_output = self.weights
        steps = len(self.x)
        driven = conv2d(self.x.flatten(0, 1), convolutions[0], stride=self.strides[0])
        driven = driven.unflatten(0, self.x.shape[:2]).unbind()
        current: list[Any] = [0.0] * len(self.weights)
        voltage: list[Any] = [0.0] * len(self.weights)
        spikes: list[Any] = [None] * len(convolutions)
        total: Any = 0.0
        for step in range(steps):
            fired = []
            for k, kernel in enumerate(convolutions):
                if k == 0:
                    arrived = driven[step - 1] if step else torch.zeros_like(driven[0])
                elif spikes[k - 1] is None:
                    continue
                else:
                    arrived = conv2d(spikes[k - 1], kernel, stride=self.strides[k])
                current[k] = current[k] + arrived
                v = a * voltage[k] + gain * current[k]
                current[k] = b * current[k]
                fired.append(Spike.apply(v - 1.0))
                voltage[k] = v * (1.0 - fired[-1].detach())
            if spikes[-1] is not None:
                current[-1] = current[-1] + spikes[-1].flatten(1) @ to_output
            voltage[-1] = a * voltage[-1] + gain * current[-1]
            current[-1] = b * current[-1]
            total = total + voltage[-1] / steps
            spikes[: len(fired)] = fired
        return cross_entropy(total, self.y)

    def gradients(self) -> tuple[float, list[np.ndarray]]:
        """The loss, and gradients in our order."""
        loss = self.loss()
        found = torch.autograd.grad(loss, self.weights)
        *convolutions, to_output = (g.numpy() for g in found)
        filters = convolutions[-1].shape[0]
        rows = to_output.reshape(filters, -1, NUM_OUTPUT).transpose(1, 0, 2)
        ordered = [g.transpose(2, 3, 1, 0) for g in convolutions]
        return loss.item(), [*ordered, rows.reshape(-1, NUM_OUTPUT)]

    def __call__(self) -> float:
        """Milliseconds of a step: forward, backward, Adam."""
        start = time.perf_counter()
        self.optimiser.zero_grad()
        self.loss().backward()
        self.optimiser.step()
        return 1e3 * (time.perf_counter() - start)


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
    print(f"{layers}: largest relative difference of a gradient {error:.1e}")
    times = in_turn(args.repeats, subjects)
    return {
        name: {
            **spread(times[name]),
            "torch / it": ratio(times["torch"], times[name]),
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
