"""Data sets of single examples, and events as the Tonic package gives them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from training.small_nets import CLASSES, INPUTS, STEPS, labels, small, spikes

from ml_genn import InputLayer, Layer, SequentialNetwork
from ml_genn.compilers import EventPropCompiler
from ml_genn.connectivity import Dense
from ml_genn.data import preprocess_tonic_spikes
from ml_genn.errors import ValidationError
from ml_genn.initializers import Normal
from ml_genn.neurons import LeakyIntegrate
from ml_genn.synapses import Exponential

SENSOR = (3, 2, 2)  #: width, height, polarities
IMAGE = (2, 3, 2)  #: the same as a shape of a population


class Items:
    """A data set as torch and Tonic have them."""

    def __init__(self, *columns: Sequence[Any]) -> None:
        self.columns = columns

    def __len__(self) -> int:
        return len(self.columns[0])

    def __getitem__(self, k: int) -> tuple[Any, ...]:
        return tuple(column[k] for column in self.columns)


def trained(*data: Any, **given: Any) -> np.ndarray:
    """Weights after training."""
    net = small()
    compiled = net.train_compiler()
    compiled.train(*data, callbacks=[], **{"shuffle": False, **given})
    return compiled.weights(net.output)


def test_examples_are_put_into_batches() -> None:
    x, y = spikes(10), labels(10)
    expected = trained(x, y, num_epochs=2)
    assert np.array_equal(trained(Items(x, y.tolist()), num_epochs=2), expected)
    w = np.linspace(0.5, 1.5, 10)
    weighted = trained(Items(x, y, w))
    assert np.array_equal(weighted, trained(x, y, sample_weight=w))
    first = trained(Items(x, y), steps_per_epoch=2)
    assert np.array_equal(first, trained(x[:8], y[:8]))


def test_examples_come_in_the_same_random_order_as_in_memory() -> None:
    found = []
    for data in ((spikes(10), labels(10)), (Items(spikes(10), labels(10)),)):
        np.random.seed(5)
        found.append(trained(*data, num_epochs=3, shuffle=True))
    assert np.array_equal(*found)
    assert not np.array_equal(found[0], trained(spikes(10), labels(10), num_epochs=3))


def test_validation_and_evaluation_take_data_sets() -> None:
    net = small()
    compiled = net.train_compiler()
    data = Items(spikes(10), labels(10))
    _, validation, _, _ = compiled.train(data, callbacks=[], validation_x=data)
    assert validation[net.output].total == 10
    expected, _ = compiled.evaluate(spikes(10), labels(10), callbacks=[])
    found, _ = compiled.evaluate(data, callbacks=[])
    assert found[net.output].result == expected[net.output].result


def test_data_sets_of_torch() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    from torch.utils.data import TensorDataset

    x = (np.random.default_rng(0).random((10, STEPS, INPUTS)) < 0.2).astype(np.float32)
    pairs = TensorDataset(torch.tensor(x), torch.tensor(labels(10)))
    assert np.array_equal(trained(pairs), trained(x, labels(10)))


@pytest.mark.parametrize(
    ("items", "message"),
    [
        (
            Items(spikes(4)),
            "examples of Items are pairs .*Received tuple for example 0",
        ),
        (Items([], []), "yielded none"),
        (Items(spikes(4), [0, 1, 9, 0]), "Received 9 for example 2"),
    ],
)
def test_bad_data_sets(items: Items, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        trained(items)


# ---------------------------------------------------------------- events
def recordings(fields: str, sensor: tuple[int, int, int]) -> list[np.ndarray]:
    """Events with times in microseconds."""
    rng = np.random.default_rng(1)
    limits = dict(zip("xyp", sensor, strict=True), t=1000 * (STEPS - 1))
    found = []
    for count in (30, 0, 12, 25, 40):
        events = np.zeros(count, dtype=[(name, np.int64) for name in fields])
        for name in fields:
            events[name] = rng.integers(0, limits[name], count)
        found.append(events)
    return found


def seeing(shape: Any) -> Any:
    """A network with an input of that shape, compiled."""
    with SequentialNetwork() as network:
        InputLayer("spike_input", shape)
        output = LeakyIntegrate(readout="avg_var")
        Layer(Dense(Normal(0.0, 0.5)), output, CLASSES, Exponential(5.0))
    compiler = EventPropCompiler(
        STEPS, "sparse_categorical_crossentropy", batch_size=2, num_threads=1
    )
    return compiler.compile(network)


#: fields of events, size of the sensor, shape of the input
SENSORS: dict[str, tuple[str, tuple[int, int, int], Any]] = {
    "camera": ("xytp", SENSOR, IMAGE),
    "one polarity": ("txyp", (3, 2, 1), (2, 3, 1)),
    "polarities left out": ("txyp", (3, 2, 1), (2, 3)),
    "cochlea": ("txp", (8, 1, 1), 8),
}


@pytest.mark.parametrize("name", SENSORS)
def test_events_of_a_data_set(name: str) -> None:
    """They are spikes of the input's neurons, whatever the data set's form."""
    fields, sensor, shape = SENSORS[name]
    events, y = recordings(fields, sensor), labels(5)
    made = [preprocess_tonic_spikes(e, fields, sensor) for e in events]
    assert any(len(m.spike_times) for m in made)

    def weights(*data: Any) -> np.ndarray:
        compiled = seeing(shape)
        compiled.train(*data, num_epochs=2, shuffle=False, callbacks=[])
        found: np.ndarray = compiled.weights(compiled.network.connections[0])
        return found

    expected = weights(made, y)
    assert np.array_equal(weights(events, y), expected)
    assert np.array_equal(weights(Items(events, y.tolist())), expected)

    def stream() -> Any:
        for k in range(0, 5, 2):
            yield events[k : k + 2], y[k : k + 2]

    assert np.array_equal(weights(stream), expected)


def test_events_through_a_loader_of_torch() -> None:
    pytest.importorskip("torch", reason="torch is not installed")
    from torch.utils.data import DataLoader

    events, y = recordings("xytp", SENSOR), labels(5)
    loader: Any = DataLoader(
        Items(events, y.tolist()),  # type: ignore[arg-type]
        batch_size=2,
        collate_fn=lambda items: tuple(zip(*items, strict=True)),
    )
    found = []
    for data in ((loader,), (events, y)):
        compiled = seeing(IMAGE)
        compiled.train(*data, shuffle=False, callbacks=[])
        found.append(compiled.weights(compiled.network.connections[0]))
    assert np.array_equal(*found)


def test_events_that_do_not_fit() -> None:
    events = recordings("xytp", SENSOR)
    late = recordings("xytp", SENSOR)
    late[2]["t"][3] = 1000 * STEPS + 1
    for shape, given, message in (
        (12, events, r"example 0: events with fields .* Received shape \(12,\)"),
        ((2, 2, 2), events, r"example 0: preprocess_tonic_spikes: event field 'x'"),
        (IMAGE, [e[["x", "t"]] for e in events], "example 0.*without 'p'"),
        (IMAGE, late, "example 2: spike times must not exceed"),
    ):
        compiled = seeing(shape)
        with pytest.raises(ValidationError, match=message):
            compiled.train(given, labels(5), callbacks=[])
