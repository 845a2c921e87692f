"""The same network on the embedded engine and on the stand-in for PyGeNN."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ml_genn.compilers import CompiledNetwork
from ml_genn.losses import Loss
from ml_genn.metrics import Metric
from ml_genn.model.batch import Mode

BACKENDS = ("cpu", "pygenn")
Make = Callable[[str], Any]  #: {backend: a compiler}


def both(make: Make, network: Any) -> list[CompiledNetwork]:
    """The network compiled for both; the second one is built at once."""
    compiled = [make(backend).compile(network) for backend in BACKENDS]
    assert compiled[1].genn_model is not None
    return compiled


def outcomes(compiled: list[CompiledNetwork], x: Any, y: Any, mode: Mode) -> list[Any]:
    """What one batch of all examples gives, of both."""
    found = []
    for one in compiled:
        data = one._spec()
        prepared = prepared_examples(one, x, y, data)
        found.append(one.model.run(prepared[0], prepared[1], mode))
    return found


def prepared_examples(one: CompiledNetwork, x: Any, y: Any, spec: Any) -> Any:
    """Examples as the model takes them, and the numbers of all of them."""
    from ml_genn.training.data import in_memory

    data = in_memory(x, y, spec, one.batch_size, targets=y is not None)
    return data.prepared, np.arange(data.size)


def spiking(one: CompiledNetwork) -> tuple[str, ...]:
    """Groups that spike, inputs too."""
    return tuple(g.name for g in one.model.plan.neurons if g.spikes)


def assert_alike(found: list[Any], tolerance: float = 1e-4) -> None:
    """Spikes are the same; results, losses and gradients are up to rounding."""
    expected, given = found
    for name, examples in expected.spikes.items():
        for (steps, ids), (own_steps, own_ids) in zip(
            examples, given.spikes[name], strict=True
        ):
            order = np.lexsort((ids, steps))
            np.testing.assert_array_equal(steps[order], own_steps)
            np.testing.assert_array_equal(ids[order], own_ids)
    for name, values in expected.results.items():
        np.testing.assert_allclose(given.results[name], values, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(given.losses, expected.losses, rtol=1e-4, atol=1e-5)
    assert set(given.gradients) == set(expected.gradients)
    for array, gradient in expected.gradients.items():
        scale = np.abs(gradient).max()
        np.testing.assert_allclose(
            given.gradients[array], gradient, atol=tolerance * scale, rtol=0
        )


__all__ = ["BACKENDS", "Loss", "Metric", "assert_alike", "both", "outcomes", "spiking"]
