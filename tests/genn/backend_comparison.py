"""The same network on the embedded engine and on PyGeNN, or what stands in for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ml_genn.compilers import CompiledNetwork
from ml_genn.model.batch import RunOptions, RunResult
from ml_genn.training.data.examples import encode_examples

BACKENDS = ("cpu", "pygenn")
Make = Callable[[str], Any]  #: from the name of a backend to a compiled network
TOLERANCE = 1e-4  #: of gradients, as a share of the largest


def compare(
    make: Make, x: Any, y: Any = None, *, device: str = "pygenn", epochs: int = 0
) -> tuple[CompiledNetwork, RunResult]:
    """Runs a network on both, and checks that they do the same.

    Args:
        make: compiles it.
        x, y: examples; with targets, gradients are compared too.
        device: the other backend.
        epochs: how often both are trained before what they have learned is compared.

    Returns:
        The network on the other backend, and what the embedded engine gave.
    """
    pair = [make("cpu"), make(device)]
    found = [run(one, x, y) for one in pair]
    assert_alike(*found)
    if epochs:
        for one in pair:
            given = by_population(one, x), by_population(one, y)
            one.train(
                *given, num_epochs=epochs, shuffle=False, callbacks=[], **quiet(y)
            )
        learned = [one.snapshot().arrays for one in pair]
        assert set(learned[0]) == set(learned[1])
        for key, array in learned[0].items():
            np.testing.assert_allclose(
                learned[1][key], array, rtol=1e-3, atol=1e-4, err_msg=str(key)
            )
    return pair[1], found[0]


def by_population(one: CompiledNetwork, data: Any) -> Any:
    """Data that are given by the names of populations."""
    if not isinstance(data, dict):
        return data
    known = {p.name: p for p in one.network.populations}
    return {known[name]: values for name, values in data.items()}


def quiet(y: Any) -> dict[str, Any]:
    """A metric that takes the targets."""
    values = next(iter(y.values())) if isinstance(y, dict) else y
    metric = "sparse_categorical_accuracy" if np.ndim(values) == 1 else None
    return {"metrics": metric or "mean_square_error"}


def run(one: CompiledNetwork, x: Any, y: Any = None) -> RunResult:
    """All examples as one batch: all spikes, and gradients if there are targets."""
    x, y = by_population(one, x), by_population(one, y)
    data = encode_examples(x, y, one.data_spec, one.batch_size, targets=y is not None)
    spiking = tuple(g.name for g in one.model.plan.neurons if g.spikes)
    learning = y is not None
    options = RunOptions(backward=learning, gradients=learning, spikes=spiking)
    return one.model.run(data.prepared, np.arange(data.size), options)


def assert_alike(expected: RunResult, given: RunResult) -> None:
    """Spikes are the same; results, losses and gradients are up to rounding."""
    for name, examples in expected.spikes.items():
        assert len(examples) == len(given.spikes[name])
        for (steps, ids), own in zip(examples, given.spikes[name], strict=True):
            order = np.lexsort((ids, steps))
            np.testing.assert_array_equal(own[0], steps[order], err_msg=name)
            np.testing.assert_array_equal(own[1], ids[order], err_msg=name)
    for name, values in expected.outputs.items():
        np.testing.assert_allclose(given.outputs[name], values, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(given.losses, expected.losses, rtol=1e-4, atol=1e-5)
    assert set(given.gradients) == set(expected.gradients)
    for array, gradient in expected.gradients.items():
        most = np.abs(gradient).max()
        np.testing.assert_allclose(
            given.gradients[array],
            gradient,
            rtol=0,
            atol=TOLERANCE * most,
            err_msg=str(array),
        )


def spikes(result: RunResult, name: str) -> int:
    """How many spikes a group had."""
    return sum(len(steps) for steps, _ in result.spikes[name])
