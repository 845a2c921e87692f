"""The network in Spyx: layers of flax in a scan of jax, compiled by XLA."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import optax
import spyx.nn
from flax import nnx
from harness.timing import milliseconds

from frameworks.setting import LEARNING_RATE, NUM_INPUT, NUM_OUTPUT, Setting


def loss(model: Any, x: Any, y: Any) -> Any:
    """Returns the mean cross-entropy of the outputs' mean voltages."""
    outputs, _ = spyx.nn.run(model, x)
    entropy = optax.softmax_cross_entropy_with_integer_labels(outputs.mean(0), y)
    return entropy.mean()


@nnx.jit
def train(model: Any, optimiser: Any, x: Any, y: Any) -> Any:
    """Takes a training step and returns the loss."""
    result, gradients = nnx.value_and_grad(loss)(model, x, y)
    optimiser.update(model, gradients)
    return result


@nnx.jit
def infer(model: Any, x: Any) -> Any:
    """Returns the mean voltages of the outputs."""
    outputs, _ = spyx.nn.run(model, x)
    return outputs.mean(0)


@nnx.jit
def count_spikes(model: Any, x: Any) -> Any:
    """Returns the number of spikes."""
    spikes, _ = spyx.nn.run(model, x)
    return spikes.sum()


class SpyxNetwork:
    """The network and its batch in Spyx.

    Args:
        setting: sizes.
    """

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        rngs = nnx.Rngs(0)
        first = nnx.Linear(NUM_INPUT, setting.hidden, use_bias=False, rngs=rngs)
        hidden = spyx.nn.RCuBaLIF(
            (setting.hidden,), alpha=setting.beta, beta=setting.alpha, rngs=rngs
        )
        last = nnx.Linear(setting.hidden, NUM_OUTPUT, use_bias=False, rngs=rngs)
        output = spyx.nn.LI((NUM_OUTPUT,), beta=setting.alpha, rngs=rngs)
        weights = setting.all_weights()
        scale = (1 - setting.alpha) * setting.current_scale
        first.kernel[...] = jnp.asarray(np.float32(scale) * weights[0])
        hidden.recurrent_w[...] = jnp.asarray(np.float32(scale) * weights[1])
        last.kernel[...] = jnp.asarray(np.float32(setting.delta_scale) * weights[2])
        self.hidden = spyx.nn.Sequential(first, hidden)
        self.model = spyx.nn.Sequential(first, hidden, last, output)
        self.optimiser = nnx.Optimizer(
            self.model, optax.adam(LEARNING_RATE), wrt=nnx.Param
        )
        self.x, self.y = (
            jnp.asarray(setting.dense_spikes()),
            jnp.asarray(setting.labels),
        )
        self.run = self.train if setting.training else self.infer

    def step(self) -> float:
        """Returns the milliseconds of a step."""
        return milliseconds(self.run)

    def train(self) -> None:
        """Takes a training step."""
        train(self.model, self.optimiser, self.x, self.y).block_until_ready()

    def infer(self) -> None:
        """Computes the network's outputs."""
        infer(self.model, self.x).block_until_ready()

    def rate(self) -> float:
        """Returns the spikes per hidden neuron and second."""
        return self.setting.hertz(float(count_spikes(self.hidden, self.x)))


make_network = SpyxNetwork
