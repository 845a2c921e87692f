"""The network in Norse, with its layers for whole sequences."""

from __future__ import annotations

from typing import Any

import norse.torch as norse
import torch

from frameworks.setting import NUM_INPUT, NUM_OUTPUT, Setting
from frameworks.torch_network import TorchNetwork


class Module(torch.nn.Module):
    """Recurrent neurons and leaky outputs."""

    def __init__(self, setting: Setting, weights: list[Any]) -> None:
        super().__init__()
        dt = 1e-3 * setting.dt
        # Norse takes Euler steps; these constants give them the exact decay.
        constants = {
            "tau_syn_inv": torch.tensor((1 - setting.beta) / dt),
            "tau_mem_inv": torch.tensor((1 - setting.alpha) / dt),
        }
        self.hidden = norse.LIFRecurrent(
            NUM_INPUT, setting.hidden, p=norse.LIFParameters(**constants), dt=dt
        )
        self.last = torch.nn.Linear(setting.hidden, NUM_OUTPUT, bias=False)
        self.output = norse.LI(p=norse.LIParameters(**constants), dt=dt)
        with torch.no_grad():
            self.hidden.input_weights.copy_(setting.current_scale * weights[0].T)
            self.hidden.recurrent_weights.copy_(setting.current_scale * weights[1].T)
            self.last.weight.copy_(setting.current_scale * weights[2].T)

    def forward(self, x: Any) -> Any:
        """Returns the mean voltages of the outputs."""
        spikes, _ = self.hidden(x)
        outputs, _ = self.output(self.last(spikes))
        return outputs.mean(0)


def make_network(setting: Setting) -> TorchNetwork:
    """Returns the network with its batch."""
    return TorchNetwork(setting, Module)
