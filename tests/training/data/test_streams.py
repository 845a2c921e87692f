"""Streams of batches: functions, endless iterators, torch loaders."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from training.small_nets import (
    CLASSES,
    INPUTS,
    STEPS,
    Spy,
    double,
    labels,
    small,
    spikes,
)

from ml_genn.data import preprocess_spikes
from ml_genn.errors import UnknownNameError, ValidationError


def batches(count: int = 3, size: int = 4) -> list[Any]:
    """Returns batches of different examples."""
    return [(spikes(size, seed=k), labels(size)) for k in range(count)]


def trained_weights(*data: Any, **options: Any) -> np.ndarray:
    """Returns weights after training."""
    net = small()
    compiled = net.compile_training()
    compiled.train(*data, shuffle=False, callbacks=[], **options)
    return compiled.weights(net.output)


def test_a_function_returns_an_iterator_for_each_epoch() -> None:
    calls = []

    def generator() -> Iterator[Any]:
        calls.append(len(calls))
        yield from batches()

    weights = trained_weights(generator, num_epochs=3)
    assert calls == [0, 1, 2]
    assert np.array_equal(weights, trained_weights(batches(), num_epochs=3))


def test_steps_per_epoch_divide_an_endless_iterator() -> None:
    def endless() -> Iterator[Any]:
        while True:
            yield from batches(4)

    net, spy = small(), Spy()
    compiled = net.compile_training()
    compiled.train(
        endless(), num_epochs=2, steps_per_epoch=2, shuffle=False, callbacks=[spy]
    )
    assert np.array_equal(compiled.weights(net.output), trained_weights(batches(4)))
    assert spy.hooks.count("on_batch_end") == 4
    with pytest.raises(ValidationError, match="steps_per_epoch is a whole number"):
        compiled.train(endless(), steps_per_epoch=0)


def test_validation_data_may_be_a_stream() -> None:
    net = small()
    compiled = net.compile_training()
    for stream in (batches(2), lambda: iter(batches(2))):
        _, validation, _, _ = compiled.train(
            batches(),
            num_epochs=2,
            callbacks=[],
            validation_callbacks=[],
            validation_x=stream,
        )
        assert validation[net.output].total == 8
    with pytest.raises(ValidationError, match="used only once"):
        compiled.train(batches(), num_epochs=2, validation_x=iter(batches()))


def test_torch_loaders_and_tensors() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    from torch.utils.data import DataLoader, IterableDataset, TensorDataset

    rng = np.random.default_rng(0)
    x = (rng.random((10, STEPS, INPUTS)) < 0.2).astype(np.float32)
    y = labels(10)
    pairs = TensorDataset(torch.tensor(x), torch.tensor(y))
    expected = trained_weights(x, y, num_epochs=2)
    loader = DataLoader(pairs, batch_size=4)
    assert np.array_equal(trained_weights(loader, num_epochs=2), expected)
    assert np.array_equal(
        trained_weights(torch.tensor(x), torch.tensor(y), num_epochs=2), expected
    )

    class Endless(IterableDataset):  # type: ignore[misc,type-arg]
        def __iter__(self) -> Iterator[Any]:
            return iter(pairs)

    endless = DataLoader(Endless(), batch_size=4)
    assert np.array_equal(trained_weights(endless, num_epochs=2), expected)
    net = small()
    compiled = net.compile_training()
    metrics, _ = compiled.evaluate(loader, callbacks=[])
    assert metrics[net.output].total == 10


def test_torch_loaders_of_spikes() -> None:
    pytest.importorskip("torch", reason="torch is not installed")
    from torch.utils.data import DataLoader

    examples = list(zip(spikes(8), labels(8).tolist(), strict=True))
    loader: Any = DataLoader(
        examples, batch_size=4, collate_fn=lambda items: tuple(zip(*items, strict=True))
    )
    expected = trained_weights(spikes(8), labels(8))
    assert np.array_equal(trained_weights(loader), expected)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_stream() -> None:
    """Peak memory of the process after 300 batches is near that after 20."""

    def large_stream() -> Iterator[Any]:
        rng = np.random.default_rng(0)
        for k in range(300):
            yield rng.random((64, STEPS, 1000)) < 0.05, np.arange(64) % CLASSES
            peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
            assert len(peaks) == k + 1

    from ml_genn import InputLayer, Layer, SequentialNetwork
    from ml_genn.compilers import EventPropCompiler
    from ml_genn.connectivity import Dense
    from ml_genn.neurons import LeakyIntegrate

    peaks: list[int] = []
    with SequentialNetwork() as network:
        InputLayer("spike_input", 1000)
        Layer(Dense(0.01), LeakyIntegrate(readout="avg_var"), CLASSES)
    compiler = EventPropCompiler(
        STEPS, "sparse_categorical_crossentropy", batch_size=64, num_threads=1
    )
    compiler.compile(network).train(large_stream, callbacks=[])
    assert len(peaks) == 300
    size = 300 * 64 * STEPS * 1000 / 1024  # kB of all arrays
    assert peaks[-1] - peaks[20] < 0.1 * size


def test_examples_of_a_batch_may_differ_in_length() -> None:
    """Short examples train like examples padded with silence."""
    rng = np.random.default_rng(3)
    arrays = [rng.random((steps, INPUTS)) < 0.3 for steps in (5, STEPS, 1, 12)]
    padded = np.zeros((4, STEPS, INPUTS), dtype=bool)
    for k, array in enumerate(arrays):
        padded[k, : len(array)] = array
    as_spikes = []
    for array in arrays:
        steps, ids = np.nonzero(array)
        as_spikes.append(preprocess_spikes(steps.astype(float), ids, INPUTS))
    expected = trained_weights(padded, labels(4))
    assert np.array_equal(trained_weights(arrays, labels(4)), expected)
    assert np.array_equal(trained_weights(as_spikes, labels(4)), expected)
    mixed = [arrays[0], as_spikes[1], arrays[2], as_spikes[3]]
    assert np.array_equal(trained_weights(mixed, labels(4)), expected)


@pytest.mark.parametrize("shape", [(STEPS + 1, INPUTS), (5, INPUTS + 1), (5,)])
def test_arrays_of_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValidationError, match="has the shape"):
        trained_weights([np.zeros(shape)] * 2, labels(2))


def test_several_inputs_and_outputs_in_a_stream() -> None:
    net = double()
    left, right = net.inputs
    what, where = net.outputs

    def trained(x: Any, y: Any = None) -> list[np.ndarray]:
        compiled = net.compile()
        metrics, _ = compiled.train(x, y, shuffle=False, callbacks=[])
        assert metrics.history["what_accuracy"] == [metrics[what].result]
        assert metrics.history["where_accuracy"] == [metrics[where].result]
        with pytest.raises(UnknownNameError, match="Available: loss, what_accuracy"):
            _ = metrics.history["accuracy"]
        return [compiled.weights(c) for c in net.network.connections]

    x = {left: spikes(8, seed=1), right: spikes(8, seed=2)}
    y = {what: labels(8), where: labels(8, 2)}
    stream = [
        (
            {p: v[k : k + 4] for p, v in x.items()},
            {p: v[k : k + 4] for p, v in y.items()},
        )
        for k in (0, 4)
    ]
    for one, other in zip(trained(x, y), trained(stream), strict=True):
        assert np.array_equal(one, other)
