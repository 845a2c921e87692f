"""Random data for the networks of `fuzz.structure`, drawn from a seed."""

from __future__ import annotations

from typing import Any

import numpy as np
from fuzz.structure import Builder

from ml_genn.data import preprocess_spikes

#: probabilities of a spike in a time step, of which each example has one
RATES = (0.0, 0.1, 0.4, 0.9)


def draw_examples(builder: Builder, seed: int, size: int) -> tuple[Any, Any]:
    """Returns inputs and targets of examples: {population: data}.

    Args:
        builder: the network.
        seed: seed of the data.
        size: number of examples.
    """
    rng = np.random.default_rng((seed, builder.structure.seed))
    s = builder.structure
    kinds = [kind for kind, _ in s.sources]
    if s.rule == "few_spike":
        kinds = ["few_spike"] * len(kinds)
    x = {
        population: _inputs(rng, kind, population.shape, s.steps, s.dt, size)
        for kind, population in zip(kinds, builder.sources, strict=True)
    }
    y = {
        population: _targets(rng, loss, readout, population.size, s, size)
        for (_, _, readout, loss), population in zip(
            s.outputs, builder.outputs, strict=True
        )
    }
    return x, y


def _inputs(
    rng: np.random.Generator, kind: str, shape: Any, steps: int, dt: float, size: int
) -> Any:
    if kind == "few_spike":
        return rng.uniform(-1.0, 2.0, (size, *shape))
    if kind in ("poisson", "binary", "if_input", "lif_input"):
        scale = rng.choice([0.0, 1.0, 10.0])
        return rng.uniform(-0.2, 1.0, (size, 2, *shape)) * scale
    rate = rng.choice(RATES, (size, 1, 1))
    neurons = int(np.prod(shape))
    spikes = rng.random((size, steps, neurons)) < rate
    if kind == "spikes":
        return spikes.reshape(size, steps, *shape)
    examples = []
    for example in spikes:
        length = rng.integers(1, steps + 1)  # examples of different lengths
        times, ids = np.nonzero(example[:length])
        examples.append(preprocess_spikes(times * dt, ids, neurons))
    return examples


def _targets(
    rng: np.random.Generator, loss: str, readout: str, neurons: int, s: Any, size: int
) -> np.ndarray:
    if loss == "sparse_categorical_crossentropy":
        return rng.integers(0, neurons, size)
    if loss == "categorical_crossentropy":
        return np.eye(neurons)[rng.integers(0, neurons, size)]
    is_trajectory = readout == "var" or s.per_step_loss
    shape = (size, s.steps, neurons) if is_trajectory else (size, neurons)
    return rng.normal(0.0, 1.0, shape)
