"""The network with its batch in any framework that is built on torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from harness.timing import milliseconds
from torch.nn.functional import cross_entropy

from frameworks.setting import LEARNING_RATE, Setting


class TorchNetwork:
    """Training or inference of a torch module.

    Args:
        setting: sizes.
        make_module: returns a module for a setting and its weights. The module maps
            spikes (steps, batch, inputs) to the mean voltages of the outputs; its
            attribute ``hidden`` returns the hidden spikes, alone or first in a tuple.
        reset: is called with the module before each batch; does nothing by default.
    """

    def __init__(
        self,
        setting: Setting,
        make_module: Callable[[Setting, list[Any]], Any],
        reset: Callable[[Any], None] = lambda module: None,
    ) -> None:
        torch.set_num_threads(setting.threads)
        torch.set_flush_denormal(True)
        self.setting = setting
        self.device = "cuda" if setting.device == "gpu" else "cpu"
        weights = [torch.from_numpy(w).to(self.device) for w in setting.all_weights()]
        self.module = make_module(setting, weights).to(self.device)
        self.reset = reset
        self.x = torch.from_numpy(setting.dense_spikes()).to(self.device)
        self.y = torch.from_numpy(setting.labels).to(self.device)
        self.optimiser = torch.optim.Adam(self.module.parameters(), lr=LEARNING_RATE)
        self.run = self.train if setting.training else self.infer

    def step(self) -> float:
        """Returns the milliseconds of a step."""
        return milliseconds(self.run_and_wait)

    def run_and_wait(self) -> None:
        """Runs a step, and on a GPU waits for its end."""
        self.run()
        if self.device == "cuda":
            torch.cuda.synchronize()

    def backward(self) -> None:
        """Computes the gradients of the mean loss, left in the parameters."""
        self.reset(self.module)
        self.optimiser.zero_grad(set_to_none=True)
        cross_entropy(self.module(self.x), self.y).backward()

    def train(self) -> None:
        """Takes a training step."""
        self.backward()
        self.optimiser.step()

    def infer(self) -> None:
        """Computes the network's outputs."""
        self.reset(self.module)
        with torch.inference_mode():
            self.module(self.x)

    def rate(self) -> float:
        """Returns the spikes per hidden neuron and second."""
        counts: list[float] = []

        def count(module: Any, inputs: Any, output: Any) -> None:
            spikes = output if torch.is_tensor(output) else output[0]
            counts.append(float(spikes.sum()))

        hook = self.module.hidden.register_forward_hook(count)
        self.infer()
        hook.remove()
        return self.setting.hertz(sum(counts))
