"""Leaky integrators in torch that take the same time steps as ml_genn's."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch

STEEPNESS = 10.0  #: of the surrogate, the default of `ml_genn.surrogates.FastSigmoid`


class Spike(torch.autograd.Function):
    """Step function with the derivative of a fast sigmoid (SuperSpike)."""

    @staticmethod
    def forward(ctx: Any, u: Any, threshold: float | None = None) -> Any:
        """Returns 1 where ``u >= 0``.

        Args:
            ctx: context of the backward pass.
            u: distance from the threshold.
            threshold: B_th, the derivative is 0 where ``abs(u)`` is not smaller; None
                (default) for no such limit.
        """
        ctx.save_for_backward(u)
        ctx.threshold = threshold
        return (u >= 0).to(u.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        """Returns the gradient times the surrogate derivative."""
        (u,) = ctx.saved_tensors
        result = grad / (1.0 + STEEPNESS * u.abs()).square()
        if ctx.threshold is not None:
            result = result * (u.abs() < ctx.threshold)
        return result, None


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
        """Decay factor of v in a time step."""
        return math.exp(-self.dt / self.tau_mem)

    @cached_property
    def beta(self) -> float:
        """Decay factor of i in a time step."""
        return math.exp(-self.dt / self.tau_syn)

    @cached_property
    def gain(self) -> float:
        """Factor of i in v: i decays during the step, and its mean is integrated."""
        return (1 - self.alpha) * self.tau_syn / self.dt * (1 - self.beta)

    def step(self, inputs: Any, i: Any, v: Any) -> tuple[Any, Any]:
        """Returns i and v after a time step."""
        i = torch.add(inputs, i, alpha=self.beta)
        return i, torch.add(self.alpha * v, i, alpha=self.gain)

    def mean_voltage(self, all_inputs: list[Any]) -> Any:
        """Returns the mean of v over all steps."""
        i = v = total = torch.zeros_like(all_inputs[0])
        for inputs in all_inputs:
            i, v = self.step(inputs, i, v)
            total = total + v
        return total / len(all_inputs)


def synaptic_input(spikes: Any, w: Any) -> list[Any]:
    """Returns the input of each step from spikes (steps, batch, neurons).

    A spike arrives one step after it was emitted. ``unbind`` keeps the backward pass
    linear in the number of steps: indexing by step would write an array of all steps
    for each of them.
    """
    inputs = (spikes @ w).unbind(0)
    return [torch.zeros_like(inputs[0]), *inputs[:-1]]
