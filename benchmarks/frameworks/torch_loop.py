"""The network in plain torch: the steps, surrogate and gradient of `BPTTCompiler`."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from torch_models.leaky import Leaky, Spike, synaptic_input

from frameworks.setting import TAU_MEM, TAU_SYN, Setting
from frameworks.torch_network import TorchNetwork


class Recurrent(torch.nn.Module):
    """Recurrent leaky integrate-and-fire neurons.

    Args:
        leaky: their leaky integration.
        w_in, w: input and recurrent weights.
        threshold: B_th, the surrogate derivative is 0 where ``abs(v - 1)`` is not
            smaller; None (default) for no such limit.
        compiled: True if torch compiles the time step; False by default.
    """

    def __init__(
        self,
        leaky: Leaky,
        w_in: Any,
        w: Any,
        threshold: float | None = None,
        compiled: bool = False,
    ) -> None:
        super().__init__()
        self.leaky, self.threshold = leaky, threshold
        self.w_in, self.w = torch.nn.Parameter(w_in), torch.nn.Parameter(w)
        self.run_step = torch.compile(self.step) if compiled else self.step

    def step(self, inputs: Any, s: Any, i: Any, v: Any) -> tuple[Any, Any, Any]:
        """Returns spikes, current and voltage after a time step."""
        i, v = self.leaky.step(torch.addmm(inputs, s, self.w), i, v)
        s = Spike.apply(v - 1.0, self.threshold)
        return s, i, v * (1.0 - s.detach())

    def forward(self, x: Any) -> Any:
        """Returns spikes (steps, batch, neurons)."""
        all_inputs = synaptic_input(x, self.w_in)
        s = i = v = torch.zeros_like(all_inputs[0])
        spikes = []
        for inputs in all_inputs:
            s, i, v = self.run_step(inputs, s, i, v)
            spikes.append(s)
        return torch.stack(spikes)


class Module(torch.nn.Module):
    """Recurrent neurons and leaky outputs; arguments as for `Recurrent`."""

    def __init__(
        self,
        setting: Setting,
        weights: list[Any],
        threshold: float | None = None,
        compiled: bool = False,
    ) -> None:
        super().__init__()
        self.leaky = Leaky(TAU_MEM, TAU_SYN, setting.dt)
        self.hidden = Recurrent(self.leaky, *weights[:2], threshold, compiled)
        self.w_out = torch.nn.Parameter(weights[2])

    def forward(self, x: Any) -> Any:
        """Returns the mean voltages of the outputs."""
        return self.leaky.mean_voltage(synaptic_input(self.hidden(x), self.w_out))


def make_network(setting: Setting, compiled: bool = False) -> TorchNetwork:
    """Returns the network with its batch."""
    return TorchNetwork(setting, lambda *args: Module(*args, compiled=compiled))


class ExampleGradients:
    """Gradients of single examples.

    Args:
        setting: sizes.
        threshold: as for `Recurrent`.
    """

    def __init__(self, setting: Setting, threshold: float | None = None) -> None:
        self.network = TorchNetwork(setting, lambda *args: Module(*args, threshold))

    def __call__(self, example: int) -> list[np.ndarray]:
        """Returns gradients of input, recurrent and output weights of an example."""
        module, one = self.network.module, slice(example, example + 1)
        weights = (module.hidden.w_in, module.hidden.w, module.w_out)
        loss = cross_entropy(module(self.network.x[:, one]), self.network.y[one])
        return [g.numpy() for g in torch.autograd.grad(loss, weights)]
