"""The network in plain torch: the same steps, surrogate and gradient as our BPTT."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from torch_lif import Leaky, Spike, arriving

from frameworks.setting import TAU_MEM, TAU_SYN, Setting
from frameworks.torch_subject import TorchSubject


class Recurrent(torch.nn.Module):
    """Recurrent leaky integrate-and-fire neurons.

    Args:
        leaky: how they step.
        w_in, w: input and recurrent weights.
        near: spikes have a slope where ``abs(v - 1)`` is smaller; None for everywhere.
        compiled: whether torch compiles the time step; no by default.
    """

    def __init__(
        self,
        leaky: Leaky,
        w_in: Any,
        w: Any,
        near: float | None = None,
        compiled: bool = False,
    ) -> None:
        super().__init__()
        self.leaky, self.near = leaky, near
        self.w_in, self.w = torch.nn.Parameter(w_in), torch.nn.Parameter(w)
        self.stepped = torch.compile(self.step) if compiled else self.step

    def step(self, h: Any, s: Any, i: Any, v: Any) -> tuple[Any, Any, Any]:
        """Spikes, i and v after a time step in which h arrives from outside."""
        i, v = self.leaky.step(torch.addmm(h, s, self.w), i, v)
        s = Spike.apply(v - 1.0, self.near)
        return s, i, v * (1.0 - s.detach())

    def forward(self, x: Any) -> Any:
        """Spikes (steps, batch, neurons)."""
        inputs = arriving(x, self.w_in)
        s = i = v = torch.zeros_like(inputs[0])
        spikes = []
        for h in inputs:
            s, i, v = self.stepped(h, s, i, v)
            spikes.append(s)
        return torch.stack(spikes)


class Net(torch.nn.Module):
    """Recurrent neurons and leaky outputs."""

    def __init__(
        self,
        setting: Setting,
        weights: list[Any],
        near: float | None = None,
        compiled: bool = False,
    ) -> None:
        super().__init__()
        self.leaky = Leaky(TAU_MEM, TAU_SYN, setting.dt)
        self.hidden = Recurrent(self.leaky, *weights[:2], near, compiled)
        self.w_out = torch.nn.Parameter(weights[2])

    def forward(self, x: Any) -> Any:
        """Mean voltages of the outputs."""
        return self.leaky.mean(arriving(self.hidden(x), self.w_out))


def subject(setting: Setting, compiled: bool = False) -> TorchSubject:
    """The network and its batch."""
    return TorchSubject(setting, lambda *given: Net(*given, compiled=compiled))


class Gradients:
    """Gradients of single examples.

    Args:
        setting: sizes.
        near: as for `Recurrent`.
    """

    def __init__(self, setting: Setting, near: float | None = None) -> None:
        self.whole = TorchSubject(setting, lambda *args: Net(*args, near))

    def __call__(self, example: int) -> list[np.ndarray]:
        """Gradients of input, recurrent and output weights, of one example."""
        net, one = self.whole.net, slice(example, example + 1)
        weights = (net.hidden.w_in, net.hidden.w, net.w_out)
        loss = cross_entropy(net(self.whole.x[:, one]), self.whole.y[one])
        return [g.numpy() for g in torch.autograd.grad(loss, weights)]
