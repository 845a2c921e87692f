"""Results of training, evaluation and prediction, by name and as tuples."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
from training.small_nets import CLASSES, double, labels, small, spikes

from ml_genn.errors import UnknownNameError, ValidationError

NAMES = ["loss", "accuracy", "val_loss", "val_accuracy"]
SPLIT = {"num_epochs": 2, "validation_split": 0.4, "callbacks": []}


@pytest.fixture(scope="module")
def net() -> Any:
    """A classifier."""
    return small()


@pytest.fixture(scope="module")
def compiled(net: Any) -> Any:
    """A classifier, compiled."""
    return net.compile_training()


def test_training_unpacks_and_has_names(net: Any, compiled: Any) -> None:
    result = compiled.train(spikes(10), labels(10), **SPLIT)
    metrics, validation, data, validation_data = result
    assert (data, validation_data) == ({}, {})
    assert result.history is compiled.history is metrics.history
    assert list(result.history) == NAMES
    assert result["val_accuracy"] == result.history["val_accuracy"]
    assert result["val_loss"][-1] == validation.loss == validation["loss"]
    assert result["accuracy"][-1] == metrics["accuracy"] == metrics[net.output].result
    assert result[net.output] is metrics[net.output] is metrics["Pop2"]
    assert "val_loss" in result
    assert "val_lost" not in result
    assert result.get("nothing", 3) == 3
    assert result.loss == metrics.loss
    assert result.epoch == [0, 1]
    without = compiled.train(spikes(10), labels(10), callbacks=[])
    metrics, data = without
    assert without["loss"] == [metrics.loss]
    assert list(without.history) == NAMES[:2]


@pytest.mark.parametrize(
    "name", ["sparse_categorical_accuracy", "acc", "categorical_accuracy"]
)
def test_full_names_of_metrics_find_short_ones(compiled: Any, name: str) -> None:
    result = compiled.train(spikes(10), labels(10), **SPLIT)
    assert result[f"val_{name}"] is result["val_accuracy"]
    assert name in result
    assert name in result.metrics
    assert result.history.get(name) == result["accuracy"]


def test_evaluation_has_names(net: Any, compiled: Any) -> None:
    result = compiled.evaluate(spikes(10), labels(10), callbacks=[])
    metrics, _ = result
    assert result["accuracy"] == metrics["accuracy"] == metrics[net.output].result
    assert result.loss == metrics["loss"] == metrics.loss
    assert metrics.get("accuracy") == metrics["accuracy"]
    assert list(metrics) == list(compiled.outputs)
    assert dict(metrics.logs) == {
        "loss": metrics.loss,
        "accuracy": metrics["accuracy"],
    }


def test_results_print_what_they_hold(compiled: Any) -> None:
    result = compiled.evaluate(
        spikes(10), labels(10), ["accuracy", "confusion_matrix"], callbacks=[]
    )
    loss, accuracy = result.loss, result["accuracy"]
    shown = f"Metrics(loss={loss:.4g}, accuracy={accuracy:.4g}, "
    assert repr(result.metrics) == f"{shown}confusion_matrix=array (3, 3))"
    assert repr(result).startswith(f"EvaluationResult({shown}")
    trained = compiled.train(spikes(10), labels(10), **SPLIT)
    assert "validation_metrics=Metrics(loss=" in repr(trained)
    head, rule, first, second = str(trained.history).splitlines()
    assert head.split() == ["epoch", *NAMES]
    assert [first.split()[0], second.split()[0]] == ["1", "2"]
    assert set(rule) == {"-", " "}
    assert "<table>" in trained._repr_html_()
    text = repr(compiled.predict(spikes(2), callbacks=[]))
    assert "Predictions(Pop2: float32 array (2, 3))" in text


def test_the_prediction_of_one_output_is_an_array(net: Any, compiled: Any) -> None:
    result = compiled.predict(spikes(6), callbacks=[])
    predictions, _ = result
    array = predictions[net.output]
    assert array.shape == (6, CLASSES)
    assert predictions["Pop2"] is array
    assert result["Pop2"] is result.array is predictions.array is array
    for both in (result, predictions):
        assert np.array_equal(np.asarray(both), array)
        assert np.array_equal(np.argmax(both, axis=1), array.argmax(axis=1))
        assert np.asarray(both, dtype=np.float64).dtype == np.float64
    assert np.array_equal(predictions[0], array[0])
    assert np.array_equal(predictions[1:3], array[1:3])
    assert np.array_equal(predictions[:, 1], array[:, 1])
    assert np.array_equal(predictions[[0, 2]], array[[0, 2]])
    assert list(predictions) == list(compiled.outputs)
    assert 0 not in predictions
    with pytest.raises(AttributeError, match=r"predictions\.array\.argmax"):
        result.argmax(axis=1)


def test_predictions_of_several_outputs_have_names_and_positions() -> None:
    net = double()
    compiled = net.compile()
    x = {p: spikes(4) for p in compiled.inputs}
    predictions, _ = compiled.predict(x, callbacks=[])
    what, where = net.outputs
    assert predictions[0] is predictions["what"] is predictions[what]
    assert predictions[1] is predictions["where"] is predictions[where]
    with pytest.raises(ValidationError, match="there are 2 outputs"):
        _ = predictions.array
    with pytest.raises(ValidationError, match=r"predictions\['name'\]"):
        np.asarray(predictions)


def test_metrics_of_several_outputs_are_named_after_them() -> None:
    net = double()
    compiled = net.compile()
    x = {p.name: spikes(4) for p in compiled.inputs}
    y = {p.name: labels(4, 2) for p in compiled.outputs}
    chosen = {"what": "accuracy", "where": ["accuracy", "confusion_matrix"]}
    metrics, _ = compiled.evaluate(x, y, chosen, callbacks=[])
    what, where = net.outputs
    assert metrics["what_accuracy"] == metrics["what"].result == metrics[what].result
    assert metrics["where_accuracy"] == metrics[where]["accuracy"].result
    assert metrics["where_confusion_matrix"].shape == (2, 2)
    with pytest.raises(UnknownNameError, match="Did you mean 'what_accuracy'"):
        _ = metrics["accuracy"]


def test_wrong_names_have_suggestions(compiled: Any) -> None:
    result = compiled.evaluate(spikes(4), labels(4), callbacks=[])
    with pytest.raises(UnknownNameError, match="Did you mean 'accuracy'"):
        _ = result["acuracy"]
    with pytest.raises(UnknownNameError, match="Available: Pop2, accuracy, loss"):
        _ = result.metrics["val_loss"]
    with pytest.raises(UnknownNameError, match="entries for: 'Pop2'"):
        _ = compiled.predict(spikes(4), callbacks=[])["output"]


def test_results_are_copied_and_pickled(compiled: Any) -> None:
    results = (
        compiled.train(spikes(10), labels(10), **SPLIT),
        compiled.evaluate(spikes(4), labels(4), callbacks=[]),
        compiled.predict(spikes(4), callbacks=[]),
    )
    for result in results:
        for other in (copy.deepcopy(result), pickle.loads(pickle.dumps(result))):
            assert repr(other) == repr(result)
    assert np.array_equal(copy.deepcopy(results[2]).array, results[2].array)


# ---------------------------------------------------------------- default metrics
@pytest.mark.parametrize(
    ("loss", "metric"),
    [
        ("sparse_categorical_crossentropy", "accuracy"),
        ("categorical_crossentropy", "accuracy"),
        ("mean_square_error", "mse"),
        ("mean_absolute_error", "mae"),
    ],
)
def test_the_default_metric_follows_the_loss(loss: str, metric: str) -> None:
    targets = {
        "sparse_categorical_crossentropy": labels(8),
        "categorical_crossentropy": np.eye(CLASSES)[labels(8)],
    }
    y = targets.get(loss, np.random.default_rng(0).normal(size=(8, CLASSES)))
    compiled = small().compile_training(losses=loss)
    result = compiled.train(spikes(8), y, validation_split=0.25, callbacks=[])
    assert list(result.history) == ["loss", metric, "val_loss", f"val_{metric}"]
    evaluated = compiled.evaluate(spikes(8), y, callbacks=[])
    if metric != "accuracy":
        assert evaluated[metric] == pytest.approx(evaluated.loss, rel=1e-5)
    else:
        predicted = np.argmax(compiled.predict(spikes(8), callbacks=[]), axis=1)
        assert evaluated["accuracy"] == np.mean(predicted == labels(8))


def test_the_default_metric_of_trajectories_is_their_error() -> None:
    compiled = small("var").compile_training(losses="mean_square_error")
    y = np.zeros((4, compiled.num_steps, CLASSES))
    result = compiled.train(spikes(4), y, callbacks=[])
    assert result["mse"] == pytest.approx(result["loss"], rel=1e-5)
