"""Comparison of a network on the CPU engine and on another backend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ml_genn.compilers import CompiledNetwork
from ml_genn.model.batch import RunOptions, RunResult
from ml_genn.training.data.examples import encode_examples

BACKENDS = ("cpu", "pygenn")
Compile = Callable[[str], Any]  #: name of a backend -> compiled network
GRADIENT_TOLERANCE = 1e-4  #: relative to the largest element of the array


def compare(
    compile_for: Compile,
    x: Any,
    y: Any = None,
    *,
    device: str = "pygenn",
    epochs: int = 0,
) -> tuple[CompiledNetwork, RunResult]:
    """Runs a network on two backends, and asserts that results are equal.

    Args:
        compile_for: compiles the network for a backend.
        x, y: examples; with targets, gradients are compared too.
        device: the other backend.
        epochs: epochs of training, after which learned values are compared.

    Returns:
        The network on the other backend, and the result of the CPU engine.
    """
    networks = [compile_for("cpu"), compile_for(device)]
    results = [run(network, x, y) for network in networks]
    assert_equal_results(*results)
    if epochs:
        for network in networks:
            network.train(
                by_population(network, x),
                by_population(network, y),
                num_epochs=epochs,
                shuffle=False,
                callbacks=[],
                **metric_for(y),
            )
        learned = [network.snapshot().arrays for network in networks]
        assert set(learned[0]) == set(learned[1])
        for key, array in learned[0].items():
            np.testing.assert_allclose(
                learned[1][key], array, rtol=1e-3, atol=1e-4, err_msg=str(key)
            )
    return networks[1], results[0]


def by_population(compiled: CompiledNetwork, data: Any) -> Any:
    """Returns data with populations as keys, if it has their names as keys."""
    if not isinstance(data, dict):
        return data
    populations = {p.name: p for p in compiled.network.populations}
    return {populations[name]: values for name, values in data.items()}


def metric_for(y: Any) -> dict[str, Any]:
    """Returns an argument of ``train``: a metric that accepts the targets."""
    values = next(iter(y.values())) if isinstance(y, dict) else y
    labels = np.ndim(values) == 1
    return {"metrics": "sparse_categorical_accuracy" if labels else "mean_square_error"}


def run(compiled: CompiledNetwork, x: Any, y: Any = None) -> RunResult:
    """Runs all examples as one batch; with targets, gradients are returned too."""
    x, y = by_population(compiled, x), by_population(compiled, y)
    has_targets = y is not None
    data = encode_examples(
        x, y, compiled.data_spec, compiled.batch_size, targets=has_targets
    )
    spiking = tuple(g.name for g in compiled.model.plan.neurons if g.spikes)
    options = RunOptions(backward=has_targets, gradients=has_targets, spikes=spiking)
    return compiled.model.run(data.prepared, np.arange(data.size), options)


def assert_equal_results(expected: RunResult, received: RunResult) -> None:
    """Asserts equal spikes, and equal outputs, losses and gradients up to rounding."""
    for name, examples in expected.spikes.items():
        assert len(examples) == len(received.spikes[name])
        for (steps, ids), other in zip(examples, received.spikes[name], strict=True):
            order = np.lexsort((ids, steps))
            np.testing.assert_array_equal(other[0], steps[order], err_msg=name)
            np.testing.assert_array_equal(other[1], ids[order], err_msg=name)
    for name, values in expected.outputs.items():
        np.testing.assert_allclose(received.outputs[name], values, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(received.losses, expected.losses, rtol=1e-4, atol=1e-5)
    assert set(received.gradients) == set(expected.gradients)
    for array, gradient in expected.gradients.items():
        assert_equal_gradients(received.gradients[array], gradient, str(array))


def assert_equal_gradients(
    received: np.ndarray, expected: np.ndarray, name: str = ""
) -> None:
    """Asserts equal gradients up to rounding."""
    tolerance = GRADIENT_TOLERANCE * np.abs(expected).max()
    np.testing.assert_allclose(received, expected, rtol=0, atol=tolerance, err_msg=name)


def spike_count(result: RunResult, name: str) -> int:
    """Returns the number of spikes of a group."""
    return sum(len(steps) for steps, _ in result.spikes[name])
