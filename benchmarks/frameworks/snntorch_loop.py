"""The network in snnTorch, as in its tutorials: layers inside a loop over time."""

from __future__ import annotations

from typing import Any

import snntorch
import torch

from frameworks.setting import NUM_INPUT, NUM_OUTPUT, Setting
from frameworks.torch_network import TorchNetwork


class Module(torch.nn.Module):
    """Recurrent synaptic neurons and leaky outputs."""

    def __init__(self, setting: Setting, weights: list[Any]) -> None:
        super().__init__()
        decays = {"alpha": setting.beta, "beta": setting.alpha}
        self.first = torch.nn.Linear(NUM_INPUT, setting.hidden, bias=False)
        self.hidden = snntorch.RSynaptic(**decays, linear_features=setting.hidden)
        self.last = torch.nn.Linear(setting.hidden, NUM_OUTPUT, bias=False)
        self.output = snntorch.Leaky(beta=setting.alpha, reset_mechanism="none")
        scale = (1 - setting.alpha) * setting.current_scale
        with torch.no_grad():
            self.first.weight.copy_(scale * weights[0].T)
            self.hidden.recurrent.weight.copy_(scale * weights[1].T)
            self.hidden.recurrent.bias.zero_()
            self.last.weight.copy_(setting.delta_scale * weights[2].T)

    def forward(self, x: Any) -> Any:
        """Returns the mean voltages of the outputs."""
        spikes, current, voltage = self.hidden.reset_mem()
        output = self.output.reset_mem()
        outputs = []
        for inputs in x:
            state = (spikes, current, voltage)
            spikes, current, voltage = self.hidden(self.first(inputs), *state)
            _, output = self.output(self.last(spikes), output)
            outputs.append(output)
        return torch.stack(outputs).mean(0)


def make_network(setting: Setting) -> TorchNetwork:
    """Returns the network with its batch."""
    return TorchNetwork(setting, Module)
