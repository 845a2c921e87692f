"""The convolutional networks of `conv.py` in torch."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn.functional import conv2d, cross_entropy

PIXELS, NUM_OUTPUT = 28, 10
TAU_MEM, TAU_SYN = 20.0, 10.0  # [ms], with steps of 1 ms
#: Decay of voltage and current in a step, and what a current adds to the voltage.
ALPHA, BETA = math.exp(-1.0 / TAU_MEM), math.exp(-1.0 / TAU_SYN)
GAIN = (1.0 - ALPHA) * TAU_SYN * (1.0 - BETA)


@dataclass(frozen=True)
class Convolution:
    """A layer: its kernel, and mean and deviation of the weights."""

    filters: int
    size: int
    stride: int
    weights: tuple[float, float]


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
                v = ALPHA * voltage[k] + GAIN * current[k]
                current[k] = BETA * current[k]
                fired.append(Spike.apply(v - 1.0))
                voltage[k] = v * (1.0 - fired[-1].detach())
            if spikes[-1] is not None:
                current[-1] = current[-1] + spikes[-1].flatten(1) @ to_output
            voltage[-1] = ALPHA * voltage[-1] + GAIN * current[-1]
            current[-1] = BETA * current[-1]
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
