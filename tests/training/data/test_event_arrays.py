"""Arrays of events, as data sets of the Tonic package return them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from training.data.item_dataset import ItemDataset
from training.small_nets import CLASSES, STEPS, labels

from ml_genn import InputLayer, Layer, SequentialNetwork
from ml_genn.compilers import EventPropCompiler
from ml_genn.connectivity import Dense
from ml_genn.data import preprocess_tonic_spikes
from ml_genn.errors import DataWarning, ValidationError
from ml_genn.initializers import Normal
from ml_genn.neurons import LeakyIntegrate
from ml_genn.synapses import Exponential

SENSOR = (3, 2, 2)  #: width, height, polarities of the sensor
IMAGE = (2, 3, 2)  #: shape of the input population


def recordings(fields: str, sensor: tuple[int, int, int]) -> list[np.ndarray]:
    """Returns random events of five examples, with times in microseconds."""
    rng = np.random.default_rng(1)
    limits = dict(zip("xyp", sensor, strict=True), t=1000 * (STEPS - 1))
    examples = []
    for count in (30, 0, 12, 25, 40):
        events = np.zeros(count, dtype=[(name, np.int64) for name in fields])
        for name in fields:
            events[name] = rng.integers(0, limits[name], count)
        examples.append(events)
    return examples


def compiled_for(shape: Any) -> Any:
    """Returns a compiled network whose input has the shape."""
    with SequentialNetwork() as network:
        InputLayer("spike_input", shape)
        output = LeakyIntegrate(readout="avg_var")
        Layer(Dense(Normal(0.0, 0.5)), output, CLASSES, Exponential(5.0))
    compiler = EventPropCompiler(
        STEPS, "sparse_categorical_crossentropy", batch_size=2, num_threads=1
    )
    return compiler.compile(network)


#: {sensor: (fields of events, size of the sensor, shape of the input)}
SENSORS: dict[str, tuple[str, tuple[int, int, int], Any]] = {
    "camera": ("xytp", SENSOR, IMAGE),
    "one polarity": ("txyp", (3, 2, 1), (2, 3, 1)),
    "polarities left out": ("txyp", (3, 2, 1), (2, 3)),
    "cochlea": ("txp", (8, 1, 1), 8),
}


@pytest.mark.parametrize("name", SENSORS)
def test_events_train_like_spikes(name: str) -> None:
    """In memory, in a data set and in a stream of batches."""
    fields, sensor, shape = SENSORS[name]
    events, y = recordings(fields, sensor), labels(5)
    examples = [preprocess_tonic_spikes(e, fields, sensor) for e in events]
    assert any(len(e.spike_times) for e in examples)

    def trained_weights(*data: Any) -> np.ndarray:
        compiled = compiled_for(shape)
        compiled.train(*data, num_epochs=2, shuffle=False, callbacks=[])
        weights: np.ndarray = compiled.weights(compiled.network.connections[0])
        return weights

    expected = trained_weights(examples, y)
    assert np.array_equal(trained_weights(events, y), expected)
    assert np.array_equal(trained_weights(ItemDataset(events, y.tolist())), expected)

    def stream() -> Any:
        for k in range(0, 5, 2):
            yield events[k : k + 2], y[k : k + 2]

    assert np.array_equal(trained_weights(stream), expected)


def test_torch_loaders_of_events() -> None:
    pytest.importorskip("torch", reason="torch is not installed")
    from torch.utils.data import DataLoader

    events, y = recordings("xytp", SENSOR), labels(5)
    loader: Any = DataLoader(
        ItemDataset(events, y.tolist()),  # type: ignore[arg-type]
        batch_size=2,
        collate_fn=lambda items: tuple(zip(*items, strict=True)),
    )
    weights = []
    for data in ((loader,), (events, y)):
        compiled = compiled_for(IMAGE)
        compiled.train(*data, shuffle=False, callbacks=[])
        weights.append(compiled.weights(compiled.network.connections[0]))
    assert np.array_equal(*weights)


def test_late_events_are_left_out() -> None:
    events, late = recordings("xytp", SENSOR), recordings("xytp", SENSOR)
    late[2]["t"][3] = 1000 * STEPS + 1
    events[2] = np.delete(events[2], 3)
    compiled = compiled_for(IMAGE)
    (expected,) = compiled.predict(events, callbacks=[])[0].values()
    with pytest.warns(DataWarning, match="1 of .* spikes come after the end"):
        (values,) = compiled.predict(late, callbacks=[])[0].values()
    np.testing.assert_array_equal(values, expected)


def test_events_outside_the_input_are_refused() -> None:
    events = recordings("xytp", SENSOR)
    for shape, examples, message in (
        (12, events, r"example 0: events with fields .* Received shape \(12,\)"),
        ((2, 2, 2), events, r"example 0: preprocess_tonic_spikes: event field 'x'"),
        (IMAGE, [e[["x", "t"]] for e in events], "example 0.*without 'p'"),
    ):
        compiled = compiled_for(shape)
        with pytest.raises(ValidationError, match=message):
            compiled.train(examples, labels(5), callbacks=[])
