"""Convolutional networks in torch, with the time steps of `BPTTCompiler`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from harness.timing import milliseconds
from torch.nn.functional import conv2d, cross_entropy

from torch_models.leaky import Spike

PIXELS, NUM_OUTPUT = 28, 10
TAU_MEM, TAU_SYN = 20.0, 10.0  # [ms], with steps of 1 ms
#: Decay of voltage and current in a step, and the factor of the current in the voltage.
ALPHA, BETA = math.exp(-1.0 / TAU_MEM), math.exp(-1.0 / TAU_SYN)
GAIN = (1.0 - ALPHA) * TAU_SYN * (1.0 - BETA)


@dataclass(frozen=True)
class Convolution:
    """Convolutional layer.

    Args:
        filters: number of filters.
        size: rows and columns of the kernel.
        stride: stride in both directions.
        weights: mean and standard deviation.
    """

    filters: int
    size: int
    stride: int
    weights: tuple[float, float]


class TorchConvolution:
    """Training step of convolutional layers and leaky outputs.

    Args:
        layers: the layers.
        weights: kernels (rows, columns, channels, filters), and output weights.
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

    def first_inputs(self) -> Any:
        """Returns the input of the first layer in each step, by one convolution."""
        inputs = conv2d(self.x.flatten(0, 1), self.weights[0], stride=self.strides[0])
        return inputs.unflatten(0, self.x.shape[:2]).unbind()

    def loss(self) -> torch.Tensor:
        """Returns the cross-entropy of the outputs' mean voltages."""
        *kernels, to_output = self.weights
        first_inputs, steps = self.first_inputs(), len(self.x)
        current: list[Any] = [0.0] * len(self.weights)
        voltage: list[Any] = [0.0] * len(self.weights)
        #: Spikes of each layer in the step before; they arrive in the next one.
        spikes: list[Any] = [None] * len(kernels)
        total: Any = 0.0
        for step in range(steps):
            new_spikes = []
            for layer, kernel in enumerate(kernels):
                if layer == 0 and step:
                    inputs = first_inputs[step - 1]
                elif layer == 0:
                    inputs = torch.zeros_like(first_inputs[0])
                elif spikes[layer - 1] is None:
                    continue
                else:
                    source, stride = spikes[layer - 1], self.strides[layer]
                    inputs = conv2d(source, kernel, stride=stride)
                current[layer] = current[layer] + inputs
                v = ALPHA * voltage[layer] + GAIN * current[layer]
                current[layer] = BETA * current[layer]
                new_spikes.append(Spike.apply(v - 1.0))
                voltage[layer] = v * (1.0 - new_spikes[-1].detach())
            if spikes[-1] is not None:
                current[-1] = current[-1] + spikes[-1].flatten(1) @ to_output
            voltage[-1] = ALPHA * voltage[-1] + GAIN * current[-1]
            current[-1] = BETA * current[-1]
            total = total + voltage[-1] / steps
            spikes[: len(new_spikes)] = new_spikes
        return cross_entropy(total, self.y)

    def gradients(self) -> tuple[float, list[np.ndarray]]:
        """Returns the loss, and the gradients in ml_genn's order of weights."""
        loss = self.loss()
        gradients = torch.autograd.grad(loss, self.weights)
        *kernels, to_output = (g.numpy() for g in gradients)
        filters = kernels[-1].shape[0]
        rows = to_output.reshape(filters, -1, NUM_OUTPUT).transpose(1, 0, 2)
        ordered = [g.transpose(2, 3, 1, 0) for g in kernels]
        return loss.item(), [*ordered, rows.reshape(-1, NUM_OUTPUT)]

    def __call__(self) -> float:
        """Returns the milliseconds of a step: forward, backward, Adam."""
        return milliseconds(self.train)

    def train(self) -> None:
        """Takes a training step."""
        self.optimiser.zero_grad()
        self.loss().backward()
        self.optimiser.step()
