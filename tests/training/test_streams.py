"""Data that come batch by batch, of any length, and what training was like."""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator
from math import isnan
from types import SimpleNamespace
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
from ml_genn.errors import UnknownNameError, UnsupportedError, ValidationError
from ml_genn.training.history import History
from ml_genn.utils.logs import Logs


def batches(count: int = 3, size: int = 4) -> list[Any]:
    """Several batches."""
    return [(spikes(size, seed=k), labels(size)) for k in range(count)]


def trained(*data: Any, **given: Any) -> np.ndarray:
    """Weights after training."""
    net = small()
    compiled = net.train_compiler()
    compiled.train(*data, shuffle=False, callbacks=[], **given)
    return compiled.weights(net.output)


# ---------------------------------------------------------------- streams
def test_a_function_gives_an_iterator_for_each_epoch() -> None:
    asked = []

    def generator() -> Iterator[Any]:
        asked.append(len(asked))
        yield from batches()

    found = trained(generator, num_epochs=3)
    assert asked == [0, 1, 2]
    assert np.array_equal(found, trained(batches(), num_epochs=3))


def test_steps_of_an_epoch_are_taken_from_an_endless_iterator() -> None:
    def endless() -> Iterator[Any]:
        while True:
            yield from batches(4)

    net, spy = small(), Spy()
    compiled = net.train_compiler()
    compiled.train(
        endless(), num_epochs=2, steps_per_epoch=2, shuffle=False, callbacks=[spy]
    )
    assert np.array_equal(compiled.weights(net.output), trained(batches(4)))
    assert spy.hooks.count("on_batch_end") == 4
    with pytest.raises(ValidationError, match="steps_per_epoch is a whole number"):
        compiled.train(endless(), steps_per_epoch=0)


def test_validation_data_may_be_a_stream() -> None:
    net = small()
    compiled = net.train_compiler()
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


def test_loaders_of_torch() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    from torch.utils.data import DataLoader, IterableDataset, TensorDataset

    rng = np.random.default_rng(0)
    x = (rng.random((10, STEPS, INPUTS)) < 0.2).astype(np.float32)
    y = labels(10)
    pairs = TensorDataset(torch.tensor(x), torch.tensor(y))
    expected = trained(x, y, num_epochs=2)
    loader = DataLoader(pairs, batch_size=4)
    assert np.array_equal(trained(loader, num_epochs=2), expected)
    assert np.array_equal(
        trained(torch.tensor(x), torch.tensor(y), num_epochs=2), expected
    )

    class Endless(IterableDataset):  # type: ignore[misc,type-arg]
        def __iter__(self) -> Iterator[Any]:
            return iter(pairs)

    endless = DataLoader(Endless(), batch_size=4)
    assert np.array_equal(trained(endless, num_epochs=2), expected)
    net = small()
    compiled = net.train_compiler()
    metrics, _ = compiled.evaluate(loader, callbacks=[])
    assert metrics[net.output].total == 10


def test_loaders_of_torch_with_spikes_of_any_number() -> None:
    pytest.importorskip("torch", reason="torch is not installed")
    from torch.utils.data import DataLoader

    examples = list(zip(spikes(8), labels(8).tolist(), strict=True))
    loader: Any = DataLoader(
        examples, batch_size=4, collate_fn=lambda items: tuple(zip(*items, strict=True))
    )
    expected = trained(spikes(8), labels(8))
    assert np.array_equal(trained(loader), expected)


@pytest.mark.slow
def test_data_larger_than_what_is_kept_in_memory() -> None:
    """Memory does not grow with the number of batches (peak of the process)."""

    def much() -> Iterator[Any]:
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
    compiler.compile(network).train(much, callbacks=[])
    assert len(peaks) == 300
    data = 300 * 64 * STEPS * 1000 / 1024  # kB, of flags alone
    assert peaks[-1] - peaks[20] < 0.1 * data


# ---------------------------------------------------------------- lengths
def test_examples_of_a_batch_may_differ_in_length() -> None:
    """What is shorter than the network runs ends in silence."""
    rng = np.random.default_rng(3)
    arrays = [rng.random((steps, INPUTS)) < 0.3 for steps in (5, STEPS, 1, 12)]
    padded = np.zeros((4, STEPS, INPUTS), dtype=bool)
    for k, array in enumerate(arrays):
        padded[k, : len(array)] = array
    as_spikes = []
    for array in arrays:
        steps, ids = np.nonzero(array)
        as_spikes.append(preprocess_spikes(steps.astype(float), ids, INPUTS))
    expected = trained(padded, labels(4))
    assert np.array_equal(trained(arrays, labels(4)), expected)
    assert np.array_equal(trained(as_spikes, labels(4)), expected)
    mixed = [arrays[0], as_spikes[1], arrays[2], as_spikes[3]]
    assert np.array_equal(trained(mixed, labels(4)), expected)


@pytest.mark.parametrize("shape", [(STEPS + 1, INPUTS), (5, INPUTS + 1), (5,)])
def test_arrays_that_do_not_fit_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValidationError, match="has the shape"):
        trained([np.zeros(shape)] * 2, labels(2))


# ---------------------------------------------------------------- several
def test_several_inputs_and_outputs_in_a_stream() -> None:
    net = double()
    left, right = net.inputs
    what, where = net.outputs

    def weights(given: Any, y: Any = None) -> list[np.ndarray]:
        compiled = net.compile()
        metrics, _ = compiled.train(given, y, shuffle=False, callbacks=[])
        assert metrics.history["what_accuracy"] == [metrics[what].result]
        assert metrics.history["where_accuracy"] == [metrics[where].result]
        with pytest.raises(UnknownNameError, match="Available: loss, what_sparse"):
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
    for one, other in zip(weights(x, y), weights(stream), strict=True):
        assert np.array_equal(one, other)


# ---------------------------------------------------------------- history
def test_the_history_of_training() -> None:
    net = small()
    compiled = net.train_compiler()
    spy = Spy()
    seen: list[float] = []
    spy.on_epoch_end = lambda epoch, metrics: seen.append(metrics.loss)  # type: ignore[method-assign]
    metrics, validation, _, _ = compiled.train(
        spikes(10),
        labels(10),
        num_epochs=3,
        start_epoch=2,
        callbacks=[spy],
        validation_callbacks=[],
        validation_split=0.4,
    )
    history = metrics.history
    assert history is compiled.history
    assert history.epoch == [2, 3, 4]
    assert history["loss"] == seen
    assert history["val_loss"][-1] == validation.loss
    assert history["accuracy"] is history["sparse_categorical_accuracy"]
    assert history["accuracy"][-1] == metrics[net.output].result
    assert history["val_accuracy"][-1] == validation[net.output].result
    assert list(history) == [
        "loss",
        "sparse_categorical_accuracy",
        "val_loss",
        "val_sparse_categorical_accuracy",
    ]
    assert all(len(values) == 3 for values in history.values())
    compiled.train(spikes(4), labels(4), metrics="confusion_matrix", callbacks=[])
    assert list(compiled.history) == ["loss"]
    assert len(history["loss"]) == 3


def test_names_of_logs() -> None:
    logs = Logs(loss=1.0, val_loss=2.0, sparse_categorical_accuracy=0.5)
    assert (logs["loss"], logs["val_loss"], logs["accuracy"]) == (1.0, 2.0, 0.5)
    with pytest.raises(UnknownNameError, match="Did you mean 'val_loss'"):
        _ = logs["val_los"]
    with pytest.raises(UnknownNameError):
        _ = logs["val_accuracy"]


def test_epochs_without_a_number_hold_nan() -> None:
    history = History()
    history.add(0, {"loss": 1.0})
    history.add(1, {"val_loss": 2.0})
    assert isnan(history["loss"][1])
    assert isnan(history["val_loss"][0])
    assert (history["loss"][0], history["val_loss"][1]) == (1.0, 2.0)


def test_a_history_as_a_data_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    history = History()
    history.add(3, {"loss": 1.0})
    history.add(4, {"loss": 0.5})
    made = SimpleNamespace(
        DataFrame=lambda data, index: (data, index), Index=lambda values, name: values
    )
    monkeypatch.setitem(sys.modules, "pandas", made)
    assert history.to_pandas() == ({"loss": [1.0, 0.5]}, [3, 4])
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(UnsupportedError, match=r"ml_genn\[logs\]"):
        history.to_pandas()


def test_a_history_in_pandas() -> None:
    pytest.importorskip("pandas", reason="pandas is not installed")
    history = History()
    history.add(3, {"loss": 1.0})
    history.add(4, {"loss": 0.5})
    frame = history.to_pandas()
    assert frame.loc[4, "loss"] == 0.5
    assert frame.index.name == "epoch"
