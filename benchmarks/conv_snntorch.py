"""The convolutional networks of `conv.py` in snnTorch, written as its tutorials are."""

from __future__ import annotations

from typing import Any

import snntorch
import torch
from conv_torch import ALPHA, BETA, GAIN, NUM_OUTPUT, TorchNetwork
from torch.nn.functional import cross_entropy


class SnnTorchNetwork(TorchNetwork):
    """Layers inside a loop over time steps; the arguments are those of `TorchNetwork`.

    Neurons start from the same weights and decay alike, but are set to zero in the step
    after a spike, and have snnTorch's own surrogate slope.
    """

    def __init__(self, layers: Any, weights: Any, x: Any, y: Any) -> None:
        super().__init__(layers, weights, x, y)
        *kernels, to_output = (GAIN * w.detach() for w in self.weights)
        decays = {"alpha": BETA, "beta": ALPHA}
        self.convolutions = torch.nn.ModuleList()
        for kernel, stride in zip(kernels, self.strides, strict=True):
            filters, channels, size, _ = kernel.shape
            made = torch.nn.Conv2d(channels, filters, size, stride, bias=False)
            made.weight.data = kernel
            self.convolutions.append(made)
        self.last = torch.nn.Linear(len(to_output), NUM_OUTPUT, bias=False)
        self.last.weight.data = to_output.T.contiguous()
        self.hidden = [
            snntorch.Synaptic(**decays, reset_mechanism="zero") for _ in kernels
        ]
        self.output = snntorch.Synaptic(**decays, reset_mechanism="none")
        parameters = [*self.convolutions.parameters(), *self.last.parameters()]
        self.optimiser = torch.optim.Adam(parameters, lr=0.0)
        self.spikes = 0.0  #: hidden spikes of an example, in the last call of `loss`

    def loss(self) -> torch.Tensor:
        """Cross-entropy of the outputs' mean voltages."""
        states = [neurons.reset_mem() for neurons in self.hidden]
        output = self.output.reset_mem()
        voltages, fired = [], []
        for now in self.x:
            for k, (convolution, neurons) in enumerate(
                zip(self.convolutions, self.hidden, strict=True)
            ):
                now, *states[k] = neurons(convolution(now), *states[k])
                fired.append(now.detach())
            _, *output = self.output(self.last(now.flatten(1)), *output)
            voltages.append(output[1])
        self.spikes = sum(float(s.sum()) for s in fired) / len(self.y)
        return cross_entropy(torch.stack(voltages).mean(0), self.y)
