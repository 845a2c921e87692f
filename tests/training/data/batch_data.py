"""The same ten examples in several forms, and weights after training on them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from training.small_nets import (
    INPUTS,
    STEPS,
    double,
    labels,
    small,
    spikes,
)

from ml_genn.data import PreprocessedSpikes


def raster(examples: list[PreprocessedSpikes]) -> np.ndarray:
    """Returns spikes as an array (examples, steps, neurons)."""
    result = np.zeros((len(examples), STEPS, INPUTS))
    for k, example in enumerate(examples):
        starts = np.concatenate([[0], example.end_spikes[:-1]])
        for neuron, (start, end) in enumerate(
            zip(starts, example.end_spikes, strict=True)
        ):
            for step in np.ceil(example.spike_times[start:end]).astype(int):
                result[k, step, neuron] += 1
    return result


class BatchDataset:
    """Iterable of batches that counts its passes."""

    def __init__(self, batches: list[Any]) -> None:
        self.batches = batches
        self.passes = 0

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Any]:
        self.passes += 1
        return iter(self.batches)


def layer_weights(net: Any, compiled: Any) -> np.ndarray:
    """Returns the weights of both layers in one array."""
    layers = (net.hidden, net.output)
    return np.concatenate([compiled.weights(layer).ravel() for layer in layers])


def trained_weights(*data: Any, **kwargs: Any) -> np.ndarray:
    """Returns weights after training; data may be functions of the network."""
    net = small()
    compiled = net.compile_training()
    arguments = [d(net) if callable(d) else d for d in data]
    arguments += [None] * (2 - len(arguments))
    compiled.train(*arguments, shuffle=False, callbacks=[], **kwargs)
    return layer_weights(net, compiled)


def three_batches() -> list[Any]:
    """Returns ten examples in batches of 4, 4 and 2."""
    x, y = spikes(10), labels(10)
    return [(x[k : k + 4], y[k : k + 4]) for k in (0, 4, 8)]


def two_output_data(count: int = 10) -> tuple[Any, dict[Any, Any], dict[Any, Any]]:
    """Returns a network with two inputs and two outputs, examples and targets."""
    net = double()
    x = {p: spikes(count, seed) for seed, p in enumerate(net.inputs)}
    y = dict(zip(net.outputs, (labels(count, 3), labels(count, 2)), strict=True))
    return net, x, y
