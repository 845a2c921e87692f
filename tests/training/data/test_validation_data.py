"""Validation data: a split of the training data, or data of their own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from training.data.batch_data import (
    BatchDataset,
    layer_weights,
    raster,
    three_batches,
    trained_weights,
)
from training.small_nets import (
    Spy,
    labels,
    small,
    spikes,
)

from ml_genn.errors import ValidationError


def test_validation_split_is_the_end_of_the_data() -> None:
    x, y = spikes(10), labels(10)
    assert np.array_equal(
        trained_weights(
            x, y, num_epochs=2, validation_split=0.3, validation_callbacks=[]
        ),
        trained_weights(x[:7], y[:7], num_epochs=2),
    )
    net = small()
    compiled = net.compile_training()
    result = compiled.train(
        x, y, validation_split=0.3, callbacks=[], validation_callbacks=[]
    )
    assert len(result) == 4
    train, validation, _, _ = result
    assert (train[net.output].total, validation[net.output].total) == (7, 3)
    evaluated, _ = compiled.evaluate(x[7:], y[7:], callbacks=[])
    assert validation[net.output].result == evaluated[net.output].result
    assert validation.loss == evaluated.loss


def test_validation_x_equals_a_split() -> None:
    x, y = spikes(10), labels(10)
    split = trained_weights(x, y, validation_split=0.3, validation_callbacks=[])
    separate = trained_weights(
        x[:7],
        y[:7],
        validation_x=x[7:],
        validation_y=y[7:],
        validation_callbacks=[],
    )
    assert np.array_equal(split, separate)


def test_validation_data_in_memory_with_a_training_stream() -> None:
    net = small()
    compiled = net.compile_training()
    _, validation, _, _ = compiled.train(
        BatchDataset(three_batches()),
        num_epochs=2,
        validation_x={net.inputs: spikes(3)},
        validation_y={net.output: labels(3)},
        callbacks=[],
        validation_callbacks=[],
    )
    assert validation[net.output].total == 3


def test_validation_does_not_change_weights() -> None:
    x, y = spikes(10), labels(10)
    validated = trained_weights(
        x, y, num_epochs=2, validation_x=x, validation_y=y, validation_callbacks=[]
    )
    assert np.array_equal(validated, trained_weights(x, y, num_epochs=2))


def test_dictionaries_are_split_like_arrays() -> None:
    def keyed(net: Any) -> dict[Any, Any]:
        return {net.inputs: raster(spikes(10))}

    arguments = {"validation_split": 0.3, "validation_callbacks": []}
    from_dictionaries = trained_weights(
        keyed, lambda net: {net.output: labels(10)}, **arguments
    )
    from_arrays = trained_weights(raster(spikes(10)), labels(10), **arguments)
    assert np.array_equal(from_dictionaries, from_arrays)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"validation_split": 0.5, "validation_x": [], "validation_y": []},
            "either validation_split or validation_x",
        ),
        ({"validation_x": []}, "give both validation_x and validation_y"),
        ({"validation_y": []}, "give both validation_x and validation_y"),
        ({"validation_split": -0.1}, "a fraction of the data, between 0 and 1"),
        ({"validation_split": 1.5}, "a fraction of the data, between 0 and 1"),
        ({"validation_split": 1.0}, "a fraction of the data, between 0 and 1"),
        ({"validation_split": 0.001}, "leaves 10 examples to train on and 0 to"),
        (
            {"validation_split": 0.2, "y": labels(9)},
            "Received lengths {'x': 10, 'y': 9}",
        ),
        ({"validation_split": 0.2, "y": 3}, "y: expected a list or an array"),
        ({"validation_x": spikes(2), "validation_y": [0]}, "equally long"),
        ({"num_epochs": 0}, "num_epochs is a whole number of at least 1"),
        ({"num_epochs": 1.5}, "num_epochs is a whole number"),
        ({"start_epoch": -1}, "start_epoch is a whole number of at least 0"),
    ],
)
def test_invalid_arguments_are_refused_before_training(
    arguments: dict[str, Any], message: str
) -> None:
    net, spy = small(), Spy()
    compiled = net.compile_training()
    before = layer_weights(net, compiled)
    with pytest.raises(ValidationError, match=message):
        defaults = {"x": spikes(10), "y": labels(10), "callbacks": [spy]}
        compiled.train(**{**defaults, **arguments})
    assert "on_train_begin" not in spy.hooks
    assert np.array_equal(layer_weights(net, compiled), before)


def test_a_stream_cannot_be_split() -> None:
    with pytest.raises(ValidationError, match="validation_split needs data in memory"):
        small().compile_training().train(
            three_batches(), validation_split=0.5, callbacks=[]
        )
