"""Leaky neurons in torch, stepped as ml_genn steps them, to compare BPTT with."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch

STEEPNESS = 10.0  #: of the surrogate


class Spike(torch.autograd.Function):
    """A step whose slope is that of a fast sigmoid (SuperSpike)."""

    @staticmethod
    def forward(ctx: Any, u: Any, near: float | None = None) -> Any:
        """Where u >= 0; the slope is 0 where abs(u) >= near, if that is given."""
        ctx.save_for_backward(u)
        ctx.near = near
        return (u >= 0).to(u.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> Any:
        """The gradient times the slope."""
        (u,) = ctx.saved_tensors
        result = gradient / (1.0 + STEEPNESS * u.abs()).square()
        return result if ctx.near is None else result * (u.abs() < ctx.near), None


@dataclass(frozen=True)
class Leaky:
    """Leaky integrators with exponential synapses.

    Args:
        tau_mem, tau_syn: time constants, in the unit of ``dt``.
        dt: time step, 1 by default.
    """

    tau_mem: float
    tau_syn: float
    dt: float = 1.0

    @cached_property
    def alpha(self) -> float:
        """What is left of v after a time step."""
        return math.exp(-self.dt / self.tau_mem)

    @cached_property
    def beta(self) -> float:
        """What is left of i after a time step."""
        return math.exp(-self.dt / self.tau_syn)

    @cached_property
    def gain(self) -> float:
        """What of i, which decays during the step, enters v."""
        return (1 - self.alpha) * self.tau_syn / self.dt * (1 - self.beta)

    def step(self, h: Any, i: Any, v: Any) -> tuple[Any, Any]:
        """i and v after a step in which h arrives."""
        i = torch.add(h, i, alpha=self.beta)
        return i, torch.add(self.alpha * v, i, alpha=self.gain)

    def mean(self, inputs: list[Any]) -> Any:
        """Mean v over all steps."""
        i = v = total = torch.zeros_like(inputs[0])
        for h in inputs:
            i, v = self.step(h, i, v)
            total = total + v
        return total / len(inputs)


def arriving(spikes: Any, w: Any) -> list[Any]:
    """What spikes (steps, batch, neurons) bring in each step; they take one step.

    ``unbind`` keeps the backward pass linear in the number of steps: indexing each step
    would make it write an array of all steps for each.
    """
    inputs = (spikes @ w).unbind(0)
    return [torch.zeros_like(inputs[0]), *inputs[:-1]]
