"""The convolutional networks of `convolution.py` in snnTorch, as in its tutorials."""

from __future__ import annotations

from typing import Any

import snntorch
import torch
from torch.nn.functional import cross_entropy

from torch_models.convolution import ALPHA, BETA, GAIN, NUM_OUTPUT, TorchConvolution


class SnnTorchConvolution(TorchConvolution):
    """Layers inside a loop over time steps; arguments as for `TorchConvolution`.

    Weights and decays are the same. The reset takes place in the step after a spike,
    and the surrogate derivative is snnTorch's default.
    """

    def __init__(self, layers: Any, weights: Any, x: Any, y: Any) -> None:
        super().__init__(layers, weights, x, y)
        *kernels, to_output = (GAIN * w.detach() for w in self.weights)
        decays = {"alpha": BETA, "beta": ALPHA}
        self.convolutions = torch.nn.ModuleList()
        for kernel, stride in zip(kernels, self.strides, strict=True):
            filters, channels, size, _ = kernel.shape
            layer = torch.nn.Conv2d(channels, filters, size, stride, bias=False)
            layer.weight.data = kernel
            self.convolutions.append(layer)
        self.last = torch.nn.Linear(len(to_output), NUM_OUTPUT, bias=False)
        self.last.weight.data = to_output.T.contiguous()
        self.hidden = [
            snntorch.Synaptic(**decays, reset_mechanism="zero") for _ in kernels
        ]
        self.output = snntorch.Synaptic(**decays, reset_mechanism="none")
        parameters = [*self.convolutions.parameters(), *self.last.parameters()]
        self.optimiser = torch.optim.Adam(parameters, lr=0.0)
        self.spikes = 0.0  #: hidden spikes per example in the last call of `loss`

    def loss(self) -> torch.Tensor:
        """Returns the cross-entropy of the outputs' mean voltages."""
        states = [neurons.reset_mem() for neurons in self.hidden]
        output = self.output.reset_mem()
        voltages, all_spikes = [], []
        for spikes in self.x:
            for k, (convolution, neurons) in enumerate(
                zip(self.convolutions, self.hidden, strict=True)
            ):
                spikes, *states[k] = neurons(convolution(spikes), *states[k])
                all_spikes.append(spikes.detach())
            _, *output = self.output(self.last(spikes.flatten(1)), *output)
            voltages.append(output[1])
        self.spikes = sum(float(s.sum()) for s in all_spikes) / len(self.y)
        return cross_entropy(torch.stack(voltages).mean(0), self.y)
