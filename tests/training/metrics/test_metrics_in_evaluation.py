"""Metrics of compiled networks: one, several, by output, weighted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from training.small_nets import CLASSES, STEPS, double, labels, small, spikes

from ml_genn.callbacks import BatchProgressBar, VarRecorder
from ml_genn.errors import DataWarning, UnsupportedError, ValidationError
from ml_genn.metrics import (
    ConfusionMatrix,
    MeanSquareError,
    Metric,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
)


@pytest.mark.parametrize("batch_size", [1, 4, 7, 16])
def test_accuracy_equals_that_of_predictions(batch_size: int) -> None:
    net = small()
    compiled = net.compile_inference(batch_size=batch_size)
    x, y = spikes(10), labels(10)
    predictions, _ = compiled.predict(x, callbacks=[])
    expected = np.mean(np.argmax(predictions[net.output], axis=1) == y)
    metrics, _ = compiled.evaluate(x, y, callbacks=[])
    assert metrics[net.output].result == pytest.approx(expected)
    assert metrics.loss is None


@pytest.mark.parametrize("batch_size", [1, 4, 7, 16])
def test_mean_square_error_equals_that_of_predictions(batch_size: int) -> None:
    net = small()
    compiled = net.compile_inference(batch_size=batch_size)
    x = spikes(10)
    y = np.random.default_rng(3).normal(size=(10, CLASSES))
    predictions, _ = compiled.predict(x, callbacks=[])
    expected = np.mean((predictions[net.output] - y) ** 2)
    metrics, _ = compiled.evaluate(x, y, "mean_square_error", callbacks=[])
    assert metrics[net.output].result == pytest.approx(expected, rel=1e-6)


def test_metrics_of_classes() -> None:
    net = small()
    compiled = net.compile_inference()
    x, y = spikes(10), labels(10)
    predictions, _ = compiled.predict(x, callbacks=[])
    predicted = np.argmax(predictions[net.output], axis=1)

    def result(metric: Any, targets: Any) -> Any:
        return compiled.evaluate(x, targets, metric, callbacks=[])[0][net.output].result

    assert result("accuracy", y) == np.mean(predicted == y)
    assert result("categorical_accuracy", np.eye(CLASSES)[y]) == np.mean(predicted == y)
    assert result(SparseTopKCategoricalAccuracy(CLASSES - 1), y) < 1.0
    matrix = result("confusion_matrix", y)
    assert matrix.sum() == 10
    assert np.trace(matrix) == np.sum(predicted == y)
    for metric in (None, "accuracy"):
        assert result(metric, np.eye(CLASSES)[y]) == np.mean(predicted == y)
        with pytest.raises(ValidationError, match="'categorical_accuracy'"):
            result(metric, 0.5 * np.eye(CLASSES)[y])
    with pytest.raises(ValidationError, match="one-hot targets have the shape"):
        result("categorical_accuracy", y)


@pytest.mark.parametrize(
    ("metric", "neurons", "message"),
    [
        ("accuracy", 1, "the 1 largest of 1 output neurons"),
        ("categorical_accuracy", 1, "the 1 largest of 1 output neurons"),
        ("sparse_top_k_categorical_accuracy", CLASSES, f"the 5 largest of {CLASSES}"),
        (TopKCategoricalAccuracy(CLASSES), CLASSES, f"the {CLASSES} largest"),
    ],
    ids=str,
)
def test_an_accuracy_that_is_always_one_is_warned_of(
    metric: Any, neurons: int, message: str
) -> None:
    compiled = small(shape=neurons).compile_inference()
    y = labels(4) % neurons
    is_sparse = isinstance(metric, str) and metric != "categorical_accuracy"
    with pytest.warns(DataWarning, match=f"{message}.*always 1"):
        metrics, _ = compiled.evaluate(
            spikes(4), y if is_sparse else np.eye(neurons)[y], metric, callbacks=[]
        )
    assert metrics[compiled.outputs[0]].result == 1.0


def test_matrices_are_not_in_the_progress_bar(
    capsys: pytest.CaptureFixture[str],
) -> None:
    small().compile_inference().evaluate(spikes(4), labels(4), "confusion_matrix")
    err = capsys.readouterr().err
    assert err.startswith("Evaluate - ")
    assert "matrix" not in err


@pytest.mark.parametrize("shape", [CLASSES, (2, 2)])
def test_target_trajectories_are_compared_in_every_step(shape: Any) -> None:
    net = small("var", shape)
    compiled = net.compile_inference()
    x, size = spikes(10), net.output.population().size
    recorder = VarRecorder(net.output, "v", key="v")
    _, recorded = compiled.predict(x, callbacks=[recorder])
    trajectories = np.stack(recorded["v"])
    assert trajectories.shape == (10, STEPS, size)
    y = np.random.default_rng(3).normal(size=(10, STEPS, size))
    expected = np.mean((trajectories - y) ** 2)
    shaped = y.reshape(10, STEPS, *net.output.population().shape)
    metrics, _ = compiled.evaluate(x, shaped, MeanSquareError(), callbacks=[])
    assert metrics[net.output].result == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("shape", [CLASSES, (2, 2)])
def test_loss_of_trajectories_equals_the_metric(shape: Any) -> None:
    net = small("var", shape)
    compiled = net.compile_training(losses="mean_square_error")
    x = spikes(10)
    y = np.random.default_rng(3).normal(
        size=(10, STEPS, *net.output.population().shape)
    )
    metrics, _ = compiled.evaluate(x, y, "mean_square_error", callbacks=[])
    assert metrics.loss == pytest.approx(metrics[net.output].result, rel=1e-5)
    assert compiled.loss(x, y) == pytest.approx(metrics.loss, rel=1e-6)


def test_training_returns_metrics_of_the_last_epoch() -> None:
    net = small()
    compiled = net.compile_training(optimiser="adam")
    x, y = spikes(10), labels(10)
    compiled.optimiser.alpha = 0.0
    metrics, _ = compiled.train(x, y, num_epochs=3, callbacks=[])
    evaluated, _ = compiled.evaluate(x, y, callbacks=[])
    assert metrics[net.output].result == evaluated[net.output].result
    assert metrics[net.output].total == 10
    assert metrics.loss == pytest.approx(evaluated.loss, rel=1e-6)


class CollectedErrors(Metric):
    """User-defined metric that discards its data in place."""

    def __init__(self) -> None:
        self.errors: list[float] = []

    def update(self, y_true: Any, y_pred: Any, communicator: Any = None) -> None:
        """Appends one number for each example."""
        self.errors += (np.argmax(y_pred, axis=1) != y_true).tolist()

    def reset(self) -> None:
        """Discards all data."""
        self.errors.clear()

    @property
    def result(self) -> float | None:
        """Fraction of errors."""
        return float(np.mean(self.errors)) if self.errors else None


@pytest.mark.parametrize(
    "metrics",
    [
        SparseCategoricalAccuracy(),
        {"top 1": SparseTopKCategoricalAccuracy(1)},
        ["accuracy", SparseTopKCategoricalAccuracy(2)],
        CollectedErrors(),
        ConfusionMatrix(),
    ],
    ids=lambda m: type(m).__name__,
)
def test_results_of_several_calls_are_values_of_their_own(metrics: Any) -> None:
    """The same metric object, in the same or another network, changes none of them."""
    net, other = small(), small("sum_var")
    compiled, second = net.compile_training(), other.compile_inference()
    x, y = spikes(8), labels(8)
    results, expected = [], []

    def add(result: Any, output: Any) -> None:
        results.append(result[output])
        expected.append(repr(np.copy(result[output].result).tolist()))

    add(compiled.evaluate(x[:5], y[:5], metrics, callbacks=[])[0], net.output)
    add(compiled.train(x, y, metrics=metrics, callbacks=[])[0], net.output)
    add(second.evaluate(x, 2 - y, metrics, callbacks=[])[0], other.output)
    add(compiled.evaluate(x[5:], 2 - y[5:], metrics, callbacks=[])[0], net.output)
    assert [repr(np.copy(r.result).tolist()) for r in results] == expected
    assert len({id(r) for r in results}) == len(results)


class Largest(Metric):
    """User-defined metric: the largest output."""

    def update(self, y_true: Any, y_pred: Any, communicator: Any = None) -> None:
        """Updates the largest output."""
        self.largest = max(self.largest, float(np.max(y_pred)))

    def reset(self) -> None:
        """Resets the largest output."""
        self.largest = -np.inf

    @property
    def result(self) -> float:
        """Returns the largest output so far."""
        return self.largest


def test_user_defined_metrics_accept_any_targets() -> None:
    net = small()
    compiled = net.compile_inference()
    x = spikes(6)
    predictions, _ = compiled.predict(x, callbacks=[])
    metrics, _ = compiled.evaluate(x, ["a"] * 6, Largest(), callbacks=[])
    assert metrics[net.output].result == pytest.approx(predictions[net.output].max())


class WithArgument(SparseCategoricalAccuracy):
    """User-defined metric whose constructor has an argument."""

    def __init__(self, bound: float) -> None:
        self.bound = bound
        super().__init__()


def test_validation_uses_a_copy_of_user_defined_metrics() -> None:
    net = small()
    metric = WithArgument(0.5)
    train, validation, *_ = net.compile_training().train(
        spikes(10),
        labels(10),
        metrics=metric,
        validation_split=0.3,
        callbacks=[],
        validation_callbacks=[],
    )
    assert (train[net.output].total, validation[net.output].total) == (7, 3)
    assert train[net.output].bound == validation[net.output].bound == 0.5
    assert metric.total == 0


NAMED_METRICS = {"top 2": SparseTopKCategoricalAccuracy(2), "best": "accuracy"}


@pytest.mark.parametrize(
    "several", [["mse", "mae"], NAMED_METRICS, ("accuracy", Largest())]
)
@pytest.mark.parametrize("by_output", [False, True])
def test_several_metrics_equal_single_ones(several: Any, by_output: bool) -> None:
    net = small()
    compiled = net.compile_inference()
    x, y = spikes(10), labels(10)
    if "mse" in several:
        y = np.eye(CLASSES)[y]
    parts = list(several.values()) if isinstance(several, dict) else list(several)
    alone = [
        compiled.evaluate(x, y, part, callbacks=[])[0][net.output].result
        for part in parts
    ]
    metrics = {net.output: several} if by_output else several
    evaluated, _ = compiled.evaluate(x, y, metrics, callbacks=[])
    group = evaluated[net.output]
    assert list(group.result.values()) == alone
    assert [group[k].result for k in range(len(group))] == alone
    assert [group[name].result for name in group.result] == alone


def test_names_of_several_metrics(capsys: pytest.CaptureFixture[str]) -> None:
    """In results, the history and the progress bar."""
    net = small()
    compiled = net.compile_training()
    several = {"top 2": SparseTopKCategoricalAccuracy(2), "best": "accuracy"}
    arguments = {"validation_split": 0.4, "metrics": several, "num_epochs": 2}
    metrics, validation, *_ = compiled.train(
        spikes(10), labels(10), callbacks=[BatchProgressBar()], **arguments
    )
    assert metrics[net.output]["best"].total == 6
    assert validation[net.output]["best"].total == 4
    names = {"loss", "top 2", "best", "val_loss", "val_top 2", "val_best"}
    assert set(metrics.history) == names
    assert metrics.history["val_best"][-1] == validation[net.output].result["best"]
    assert "top 2 0." in capsys.readouterr().err
    metrics, _ = compiled.evaluate(spikes(4), labels(4), ["accuracy"], callbacks=[])
    assert metrics[net.output]["accuracy"].total == 4
    assert list(metrics[net.output].result) == ["accuracy"]


def test_several_metrics_of_several_outputs() -> None:
    net = double()
    compiled = net.compile()
    x = dict(zip(net.inputs, (spikes(6), spikes(6, seed=1)), strict=True))
    y = dict(zip(net.outputs, (labels(6), labels(6, 2)), strict=True))
    shared = SparseCategoricalAccuracy()
    metrics, _ = compiled.evaluate(x, y, [shared, "confusion_matrix"], callbacks=[])
    first, second = (metrics[output] for output in net.outputs)
    assert (first["accuracy"].total, second["accuracy"].total) == (6, 6)
    assert [m["matrix"].result.shape for m in (first, second)] == [(3, 3), (2, 2)]
    _, where = net.outputs
    by_output = {net.outputs[0]: "accuracy", where: ["accuracy", "confusion_matrix"]}
    train, _ = compiled.train(x, y, metrics=by_output, callbacks=[])
    assert set(train.history) == {
        "loss",
        "what_accuracy",
        "where_accuracy",
    }


@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        ([], "at least one metric"),
        (["accuracy", SparseCategoricalAccuracy()], "one of each class"),
        (["acuracy"], "Did you mean 'accuracy'"),
        ({"a": None}, "has none"),
        ({}, "one entry for each of the outputs"),
        ([["accuracy"]], "expected an instance of Metric"),
    ],
)
def test_invalid_metrics_are_refused(metrics: Any, message: str) -> None:
    net = small()
    with pytest.raises(ValidationError, match=message):
        net.compile_inference().evaluate(spikes(4), labels(4), metrics, callbacks=[])


def test_example_weights_in_evaluation() -> None:
    """Of samples and classes, in loss and metrics, in memory and in streams."""
    net = small()
    compiled = net.compile_training()
    x, y = spikes(10), labels(10)
    weight = np.random.default_rng(2).uniform(0, 2, 10)
    predictions, _ = compiled.predict(x, callbacks=[])
    correct = np.argmax(predictions[net.output], axis=1) == y
    by_class = {0: 3.0, 2: 0.5}
    both = weight * np.array([3.0, 1.0, 0.5])[y]
    stream = [(x[k : k + 4], y[k : k + 4], weight[k : k + 4]) for k in (0, 4, 8)]
    for expected, data, options in (
        (weight, (x, y), {"sample_weight": weight}),
        (weight, (x, y), {"sample_weight": {net.output: weight}}),
        (both, (x, y), {"sample_weight": weight, "class_weight": by_class}),
        (both, (stream,), {"class_weight": by_class}),
    ):
        metrics, _ = compiled.evaluate(*data, callbacks=[], **options)
        result = metrics[net.output].result
        assert result == pytest.approx(np.average(correct, weights=expected), rel=1e-5)
        loss = compiled.loss(x, y, sample_weight=expected)
        assert metrics.loss == pytest.approx(loss, rel=1e-5)
    metrics, _ = net.compile_inference().evaluate(
        x, y, callbacks=[], class_weight={1: 0}
    )
    assert metrics[net.output].result == pytest.approx(
        np.mean(correct[y != 1]), rel=1e-6
    )


def test_user_defined_metrics_refuse_example_weights() -> None:
    net = small()
    for metric in (Largest(), ["accuracy", Largest()]):
        with pytest.raises(UnsupportedError, match="Largest does not weigh examples"):
            net.compile_inference().evaluate(
                spikes(4), labels(4), metric, [], sample_weight=[1, 2, 3, 4]
            )
