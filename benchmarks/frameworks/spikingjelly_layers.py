"""The network in SpikingJelly, with multi-step layers and delta synapses."""

from __future__ import annotations

from typing import Any

import torch
from spikingjelly.activation_based import functional, layer, neuron, surrogate

from frameworks.setting import NUM_INPUT, NUM_OUTPUT, TAU_SYN, Setting
from frameworks.torch_network import TorchNetwork


class Module(torch.nn.Module):
    """Recurrent neurons and low-pass filtered outputs."""

    def __init__(self, setting: Setting, weights: list[Any]) -> None:
        super().__init__()
        tau, hidden = 1.0 / (1 - setting.alpha), setting.hidden
        neurons = neuron.LIFNode(
            tau=tau,
            decay_input=True,
            v_reset=0.0,
            detach_reset=True,
            surrogate_function=surrogate.ATan(),
            step_mode="s",
        )
        multi_step = {"bias": False, "step_mode": "m"}
        self.first = layer.Linear(NUM_INPUT, hidden, **multi_step)
        self.hidden = layer.LinearRecurrentContainer(
            neurons, in_features=hidden, out_features=hidden, **multi_step
        )
        self.last = layer.Linear(hidden, NUM_OUTPUT, **multi_step)
        self.output = layer.SynapseFilter(tau=tau, learnable=False, step_mode="m")
        scale = TAU_SYN / setting.dt
        both = torch.cat([torch.eye(hidden), scale * weights[1].T], 1)
        with torch.no_grad():
            self.first.weight.copy_(scale * weights[0].T)
            self.hidden.rc.weight.copy_(both)
            self.last.weight.copy_(setting.delta_scale * weights[2].T)

    def forward(self, x: Any) -> Any:
        """Returns the mean voltages of the outputs."""
        return self.output(self.last(self.hidden(self.first(x)))).mean(0)


def make_network(setting: Setting) -> TorchNetwork:
    """Returns the network with its batch."""
    return TorchNetwork(setting, Module, functional.reset_net)
