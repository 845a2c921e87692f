"""A network in any of torch's frameworks, and its batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from frameworks.setting import RATE, Setting, clocked


class TorchSubject:
    """Trains or runs a module.

    Args:
        setting: sizes.
        make: makes a module from the setting and the weights. It takes spikes (steps,
            batch, inputs) to the outputs' mean voltage; the first output of its
            ``hidden`` is hidden spikes.
        reset: called before each batch with the module.
    """

    def __init__(
        self,
        setting: Setting,
        make: Callable[[Setting, list[Any]], Any],
        reset: Callable[[Any], None] = lambda net: None,
    ) -> None:
        torch.set_num_threads(setting.threads)
        torch.set_flush_denormal(True)
        self.setting = setting
        self.device = "cuda" if setting.device == "gpu" else "cpu"
        weights = [torch.from_numpy(w).to(self.device) for w in setting.all_weights()]
        self.net = make(setting, weights).to(self.device)
        self.reset = reset
        self.x = torch.from_numpy(setting.dense()).to(self.device)
        self.y = torch.from_numpy(setting.labels).to(self.device)
        self.optimiser = torch.optim.Adam(self.net.parameters(), lr=RATE)
        self.run = self.train if setting.training else self.infer

    def step(self) -> float:
        """Milliseconds of a step."""
        return clocked(self.run_through)

    def run_through(self) -> None:
        """A step that is over when this returns."""
        self.run()
        if self.device == "cuda":
            torch.cuda.synchronize()

    def backward(self) -> None:
        """Gradients of the mean loss, left in the parameters."""
        self.reset(self.net)
        self.optimiser.zero_grad(set_to_none=True)
        cross_entropy(self.net(self.x), self.y).backward()

    def train(self) -> None:
        """A training step."""
        self.backward()
        self.optimiser.step()

    def infer(self) -> None:
        """The network's outputs."""
        self.reset(self.net)
        with torch.inference_mode():
            self.net(self.x)

    def rate(self) -> float:
        """Hidden spikes per neuron and second."""
        counts: list[float] = []

        def count(module: Any, inputs: Any, output: Any) -> None:
            spikes = output if torch.is_tensor(output) else output[0]
            counts.append(float(spikes.sum()))

        hook = self.net.hidden.register_forward_hook(count)
        self.infer()
        hook.remove()
        return self.setting.hertz(sum(counts))
