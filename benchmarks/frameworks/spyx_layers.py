"""The network in Spyx: layers of flax, a scan of jax, compiled by XLA."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import optax
import spyx.nn
from flax import nnx

from frameworks.setting import NUM_INPUT, NUM_OUTPUT, RATE, Setting, clocked


def loss(model: Any, x: Any, y: Any) -> Any:
    """Mean cross-entropy of the outputs' mean voltage."""
    outputs, _ = spyx.nn.run(model, x)
    entropy = optax.softmax_cross_entropy_with_integer_labels(outputs.mean(0), y)
    return entropy.mean()


@nnx.jit
def train(model: Any, optimiser: Any, x: Any, y: Any) -> Any:
    """A training step; the loss."""
    result, gradients = nnx.value_and_grad(loss)(model, x, y)
    optimiser.update(model, gradients)
    return result


@nnx.jit
def infer(model: Any, x: Any) -> Any:
    """Mean voltages of the outputs."""
    outputs, _ = spyx.nn.run(model, x)
    return outputs.mean(0)


@nnx.jit
def fired(model: Any, x: Any) -> Any:
    """Number of spikes."""
    spikes, _ = spyx.nn.run(model, x)
    return spikes.sum()


class SpyxSubject:
    """The network and its batch."""

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
        scale = (1 - setting.alpha) * setting.current
        first.kernel[...] = jnp.asarray(np.float32(scale) * weights[0])
        hidden.recurrent_w[...] = jnp.asarray(np.float32(scale) * weights[1])
        last.kernel[...] = jnp.asarray(np.float32(setting.delta) * weights[2])
        self.front = spyx.nn.Sequential(first, hidden)
        self.net = spyx.nn.Sequential(first, hidden, last, output)
        self.optimiser = nnx.Optimizer(self.net, optax.adam(RATE), wrt=nnx.Param)
        self.x, self.y = jnp.asarray(setting.dense()), jnp.asarray(setting.labels)
        self.run = self.train if setting.training else self.infer

    def step(self) -> float:
        """Milliseconds of a step."""
        return clocked(self.run)

    def train(self) -> None:
        """A training step."""
        train(self.net, self.optimiser, self.x, self.y).block_until_ready()

    def infer(self) -> None:
        """The network's outputs."""
        infer(self.net, self.x).block_until_ready()

    def rate(self) -> float:
        """Hidden spikes per neuron and second."""
        return self.setting.hertz(float(fired(self.front, self.x)))


subject = SpyxSubject
