"""Metrics: alone, and as compiled networks update them batch by batch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from training.small_nets import CLASSES, STEPS, double, labels, small, spikes

from ml_genn.callbacks import BatchProgressBar, VarRecorder
from ml_genn.communicators import Communicator
from ml_genn.errors import UnsupportedError, ValidationError
from ml_genn.metrics import (
    CategoricalAccuracy,
    ConfusionMatrix,
    MeanAbsoluteError,
    MeanSquareError,
    Metric,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
    default_metrics,
)


# ---------------------------------------------------------------- alone
@pytest.mark.parametrize("name", default_metrics)
def test_there_is_no_result_before_data(name: str) -> None:
    metric = default_metrics[name]()
    assert metric.result is None
    assert repr(metric).startswith(f"{type(metric).__name__}(")


def test_accuracy_counts_the_largest_outputs() -> None:
    metric = SparseCategoricalAccuracy()
    metric.update([0, 1], np.array([[2.0, 1.0, 0.0], [0.0, 0.0, 5.0]]))
    assert metric.result == 0.5
    metric.update(np.array([2]), np.array([[0.0, 0.0, 5.0]]))
    assert metric.result == pytest.approx(2 / 3)
    metric.reset()
    assert metric.result is None


def test_accuracy_sees_outputs_of_several_dimensions_flat() -> None:
    metric = SparseCategoricalAccuracy()
    metric.update([3], np.array([[[0.0, 1.0], [2.0, 3.0]]]))
    assert metric.result == 1.0


OUTPUTS = np.array([[0.1, 0.9, 0.5, 0.2], [4.0, 3.0, 2.0, 1.0], [0.0, 0.0, 0.0, 7.0]])


@pytest.mark.parametrize(("k", "right"), [(1, 1), (2, 2), (3, 2), (4, 3), (9, 3)])
def test_top_k_accuracy(k: int, right: int) -> None:
    """The labels are second, last and first."""
    y = np.array([2, 3, 3])
    sparse, dense = SparseTopKCategoricalAccuracy(k), TopKCategoricalAccuracy(k)
    sparse.update(y, OUTPUTS)
    dense.update(np.eye(4)[y], OUTPUTS)
    assert sparse.result == dense.result == pytest.approx(right / 3)
    shown = f"SparseTopKCategoricalAccuracy({k}, result={right / 3:.4g})"
    assert repr(sparse) == shown
    assert repr(sparse.fresh()) == f"SparseTopKCategoricalAccuracy({k})"
    assert sparse.fresh().k == k


def test_of_equal_outputs_the_first_is_the_largest() -> None:
    metric = SparseTopKCategoricalAccuracy(2)
    metric.update([0, 1, 2], np.zeros((3, 4)))
    assert metric.result == pytest.approx(2 / 3)


def test_top_k_needs_a_whole_number() -> None:
    with pytest.raises(ValidationError, match="TopKCategoricalAccuracy: k is a whole"):
        TopKCategoricalAccuracy(0)


def test_categorical_accuracy_takes_one_hot_targets() -> None:
    metric = CategoricalAccuracy()
    metric.update(np.eye(4)[[1, 0, 0]], OUTPUTS)
    assert metric.result == pytest.approx(2 / 3)


def test_the_confusion_matrix_counts_labels_by_predictions() -> None:
    metric = ConfusionMatrix()
    metric.update([1, 3], OUTPUTS[:2])
    metric.update([1], OUTPUTS[2:], Twins())
    expected = np.zeros((4, 4), dtype=int)
    expected[1, 1] = expected[3, 0] = 1
    expected[1, 3] = 2
    assert np.array_equal(metric.result, expected)
    metric.reset()
    assert metric.result is None


def test_the_mean_absolute_error() -> None:
    rng = np.random.default_rng(0)
    y_true, y_pred = rng.normal(size=(10, 3)), rng.normal(size=(10, 3))
    metric = MeanAbsoluteError()
    for k in (0, 4, 8):
        metric.update(y_true[k : k + 4], y_pred[k : k + 4])
    assert metric.result == pytest.approx(np.mean(np.abs(y_true - y_pred)))


@pytest.mark.parametrize("wrong", [[0], [0, 1, 2], [[0], [1]]])
def test_accuracy_needs_one_label_per_prediction(wrong: Any) -> None:
    metric = SparseCategoricalAccuracy()
    with pytest.raises(ValidationError, match="one label per prediction"):
        metric.update(wrong, np.zeros((2, 3)))
    assert metric.result is None


@pytest.mark.parametrize("batch", [1, 3, 4, 10, 100])
def test_the_mean_square_error_does_not_depend_on_batches(batch: int) -> None:
    rng = np.random.default_rng(0)
    y_true, y_pred = rng.normal(size=(10, 7, 3)), rng.normal(size=(10, 7, 3))
    metric = MeanSquareError()
    for k in range(0, 10, batch):
        metric.update(y_true[k : k + batch], y_pred[k : k + batch])
    assert metric.result == pytest.approx(np.mean((y_true - y_pred) ** 2), rel=1e-12)


def test_the_mean_square_error_refuses_other_shapes() -> None:
    with pytest.raises(ValidationError, match=r"Received \(2, 4\) and \(2, 3\)"):
        MeanSquareError().update(np.zeros((2, 4)), np.zeros((2, 3)))


class Twins(Communicator):
    """Pretends that another process has the same data."""

    rank = 0
    num_ranks = 2

    def barrier(self) -> None:
        """Nothing to wait for."""

    def broadcast(self, data: Any, root: int) -> None:
        """Nothing to send."""

    def reduce_sum(self, value: Any) -> Any:
        """Twice the value."""
        return 2 * value


def test_sums_are_taken_over_processes() -> None:
    accuracy, error = SparseCategoricalAccuracy(), MeanSquareError()
    accuracy.update([0, 1], np.eye(2), Twins())
    assert (accuracy.correct, accuracy.total, accuracy.result) == (4, 4, 1.0)
    error.update(np.zeros((2, 2)), np.ones((2, 2)), Twins())
    assert (error.total, error.count, error.result) == (8.0, 8.0, 1.0)


@pytest.mark.parametrize("name", default_metrics)
def test_whole_weights_count_examples_several_times(name: str) -> None:
    rng = np.random.default_rng(0)
    counts = np.array([0, 1, 2, 3, 1, 0, 4])
    y_pred = rng.normal(size=(7, 6))
    y_true: Any = rng.integers(0, 6, 7)
    y_pred[np.arange(7), y_true] += np.arange(7) % 2 * 5.0
    if "sparse" not in name and name not in ("accuracy", "confusion_matrix"):
        y_true = np.eye(6)[y_true]
    weighted, repeated = default_metrics[name](), default_metrics[name]()
    for part in (slice(0, 4), slice(4, 7)):
        weighted.update(y_true[part], y_pred[part], weights=counts[part])
    repeated.update(np.repeat(y_true, counts, 0), np.repeat(y_pred, counts, 0))
    np.testing.assert_allclose(weighted.result, repeated.result, rtol=1e-12)
    repeated.update(y_true, y_pred)
    assert (
        not np.allclose(weighted.result, repeated.result, rtol=1e-12) or "top_k" in name
    )


# ---------------------------------------------------------------- in a network
@pytest.mark.parametrize("batch_size", [1, 4, 7, 16])
def test_accuracy_of_a_network_is_that_of_its_predictions(batch_size: int) -> None:
    net = small()
    compiled = net.inference(batch_size=batch_size)
    x, y = spikes(10), labels(10)
    predictions, _ = compiled.predict(x, callbacks=[])
    expected = np.mean(np.argmax(predictions[net.output], axis=1) == y)
    metrics, _ = compiled.evaluate(x, y, callbacks=[])
    assert metrics[net.output].result == pytest.approx(expected)
    assert metrics.loss is None


@pytest.mark.parametrize("batch_size", [1, 4, 7, 16])
def test_the_mean_square_error_of_a_network_is_the_true_one(batch_size: int) -> None:
    net = small()
    compiled = net.inference(batch_size=batch_size)
    x = spikes(10)
    y = np.random.default_rng(3).normal(size=(10, CLASSES))
    predictions, _ = compiled.predict(x, callbacks=[])
    expected = np.mean((predictions[net.output] - y) ** 2)
    metrics, _ = compiled.evaluate(x, y, "mean_square_error", callbacks=[])
    assert metrics[net.output].result == pytest.approx(expected, rel=1e-6)


def test_metrics_of_classes_in_a_network() -> None:
    net = small()
    compiled = net.inference()
    x, y = spikes(10), labels(10)
    predictions, _ = compiled.predict(x, callbacks=[])
    found = np.argmax(predictions[net.output], axis=1)

    def of(metric: Any, targets: Any) -> Any:
        return compiled.evaluate(x, targets, metric, callbacks=[])[0][net.output].result

    assert of("accuracy", y) == np.mean(found == y)
    assert of("categorical_accuracy", np.eye(CLASSES)[y]) == np.mean(found == y)
    assert of("sparse_top_k_categorical_accuracy", y) == 1.0
    matrix = of("confusion_matrix", y)
    assert matrix.sum() == 10
    assert np.trace(matrix) == np.sum(found == y)
    with pytest.raises(ValidationError, match="'categorical_accuracy'"):
        of("accuracy", np.eye(CLASSES)[y])
    with pytest.raises(ValidationError, match="one-hot targets have the shape"):
        of("categorical_accuracy", y)


def test_a_matrix_is_left_out_of_the_progress_bar(
    capsys: pytest.CaptureFixture[str],
) -> None:
    small().inference().evaluate(spikes(4), labels(4), "confusion_matrix")
    err = capsys.readouterr().err
    assert "batch" in err
    assert "ConfusionMatrix" not in err


@pytest.mark.parametrize("shape", [CLASSES, (2, 2)])
def test_targets_with_a_time_axis_are_compared_in_every_step(shape: Any) -> None:
    net = small("var", shape)
    compiled = net.inference()
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
def test_the_loss_on_trajectories_equals_the_metric(shape: Any) -> None:
    net = small("var", shape)
    compiled = net.train_compiler(losses="mean_square_error")
    x = spikes(10)
    y = np.random.default_rng(3).normal(
        size=(10, STEPS, *net.output.population().shape)
    )
    metrics, _ = compiled.evaluate(x, y, "mean_square_error", callbacks=[])
    assert metrics.loss == pytest.approx(metrics[net.output].result, rel=1e-5)
    assert compiled.loss(x, y) == pytest.approx(metrics.loss, rel=1e-6)


def test_training_reports_metrics_of_the_last_epoch_only() -> None:
    net = small()
    compiled = net.train_compiler(optimiser="adam")
    x, y = spikes(10), labels(10)
    compiled.optimiser.alpha = 0.0
    metrics, _ = compiled.train(x, y, num_epochs=3, callbacks=[])
    evaluated, _ = compiled.evaluate(x, y, callbacks=[])
    assert metrics[net.output].result == evaluated[net.output].result
    assert metrics[net.output].total == 10
    assert metrics.loss == pytest.approx(evaluated.loss, rel=1e-6)


def test_a_metric_that_is_given_is_the_one_that_is_returned() -> None:
    net = small()
    metric = SparseCategoricalAccuracy()
    compiled = net.inference()
    for _ in range(2):
        metrics, _ = compiled.evaluate(spikes(5), labels(5), metric, callbacks=[])
        assert metrics[net.output] is metric
        assert metric.total == 5


class Largest(Metric):
    """A metric of a user's own."""

    def update(self, y_true: Any, y_pred: Any, communicator: Any = None) -> None:
        """Takes the largest output in."""
        self.largest = max(self.largest, float(np.max(y_pred)))

    def reset(self) -> None:
        """Forgets all data."""
        self.largest = -np.inf

    @property
    def result(self) -> float:
        """The largest output so far."""
        return self.largest


def test_users_may_write_metrics_that_take_any_targets() -> None:
    net = small()
    compiled = net.inference()
    x = spikes(6)
    predictions, _ = compiled.predict(x, callbacks=[])
    metrics, _ = compiled.evaluate(x, ["a"] * 6, Largest(), callbacks=[])
    assert metrics[net.output].result == pytest.approx(predictions[net.output].max())


class Above(SparseCategoricalAccuracy):
    """A metric with a setting."""

    def __init__(self, bound: float) -> None:
        self.bound = bound
        super().__init__()


def test_metrics_with_settings_validate_too() -> None:
    net = small()
    metric = Above(0.5)
    train, validation, *_ = net.train_compiler().train(
        spikes(10),
        labels(10),
        metrics=metric,
        validation_split=0.3,
        callbacks=[],
        validation_callbacks=[],
    )
    assert train[net.output] is metric
    assert validation[net.output] is not metric
    assert (metric.total, validation[net.output].total) == (7, 3)
    assert validation[net.output].bound == 0.5


# ---------------------------------------------------------------- several, weighted
TOP = {"top 2": SparseTopKCategoricalAccuracy(2), "best": "accuracy"}


@pytest.mark.parametrize("given", [["mse", "mae"], TOP, ("accuracy", Largest())])
@pytest.mark.parametrize("by_output", [False, True])
def test_several_metrics_are_those_alone(given: Any, by_output: bool) -> None:
    net = small()
    compiled = net.inference()
    x, y = spikes(10), labels(10)
    if "mse" in given:
        y = np.eye(CLASSES)[y]
    parts = list(given.values()) if isinstance(given, dict) else list(given)
    alone = [
        compiled.evaluate(x, y, part, callbacks=[])[0][net.output].result
        for part in parts
    ]
    metrics = {net.output: given} if by_output else given
    found, _ = compiled.evaluate(x, y, metrics, callbacks=[])
    several = found[net.output]
    assert list(several.result.values()) == alone
    assert [several[k].result for k in range(len(several))] == alone
    assert [several[name].result for name in several.result] == alone


def test_names_of_several_metrics(capsys: pytest.CaptureFixture[str]) -> None:
    """In results, histories, progress bars and what callbacks monitor."""
    net = small()
    compiled = net.train_compiler()
    given = {"top 2": SparseTopKCategoricalAccuracy(2), "best": "accuracy"}
    arguments = {"validation_split": 0.4, "metrics": given, "num_epochs": 2}
    metrics, validation, *_ = compiled.train(
        spikes(10), labels(10), callbacks=[BatchProgressBar()], **arguments
    )
    assert metrics[net.output]["best"].total == 6
    assert validation[net.output]["best"].total == 4
    names = {"loss", "top 2", "best", "val_loss", "val_top 2", "val_best"}
    assert set(metrics.history) == names
    assert metrics.history["val_best"][-1] == validation[net.output].result["best"]
    assert "top 2: " in capsys.readouterr().err
    metrics, _ = compiled.evaluate(spikes(4), labels(4), ["accuracy"], callbacks=[])
    assert metrics[net.output]["accuracy"].total == 4
    assert list(metrics[net.output].result) == ["sparse_categorical_accuracy"]


def test_several_metrics_of_several_outputs() -> None:
    net = double()
    compiled = net.compile()
    x = dict(zip(net.inputs, (spikes(6), spikes(6, seed=1)), strict=True))
    y = dict(zip(net.outputs, (labels(6), labels(6, 2)), strict=True))
    shared = SparseCategoricalAccuracy()
    metrics, _ = compiled.evaluate(x, y, [shared, "confusion_matrix"], callbacks=[])
    first, second = (metrics[output] for output in net.outputs)
    assert first["accuracy"] is shared
    assert second["accuracy"] is not shared
    assert (first["accuracy"].total, second["accuracy"].total) == (6, 6)
    assert [m["matrix"].result.shape for m in (first, second)] == [(3, 3), (2, 2)]
    _, where = net.outputs
    chosen = {net.outputs[0]: "accuracy", where: ["accuracy", "confusion_matrix"]}
    train, _ = compiled.train(x, y, metrics=chosen, callbacks=[])
    assert set(train.history) == {
        "loss",
        "what_sparse_categorical_accuracy",
        "where_sparse_categorical_accuracy",
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
def test_bad_lists_of_metrics_are_refused(metrics: Any, message: str) -> None:
    net = small()
    with pytest.raises(ValidationError, match=message):
        net.inference().evaluate(spikes(4), labels(4), metrics, callbacks=[])


def test_weights_in_evaluation() -> None:
    """For loss and metrics, in memory and in streams, of samples and of classes."""
    net = small()
    compiled = net.train_compiler()
    x, y = spikes(10), labels(10)
    weight = np.random.default_rng(2).uniform(0, 2, 10)
    predictions, _ = compiled.predict(x, callbacks=[])
    right = np.argmax(predictions[net.output], axis=1) == y
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
        found = metrics[net.output].result
        assert found == pytest.approx(np.average(right, weights=expected), rel=1e-5)
        loss = compiled.loss(x, y, sample_weight=expected)
        assert metrics.loss == pytest.approx(loss, rel=1e-5)
    metrics, _ = net.inference().evaluate(x, y, callbacks=[], class_weight={1: 0})
    assert metrics[net.output].result == pytest.approx(np.mean(right[y != 1]), rel=1e-6)


def test_metrics_that_know_no_weights_refuse_them() -> None:
    net = small()
    for metric in (Largest(), ["accuracy", Largest()]):
        with pytest.raises(UnsupportedError, match="Largest does not weigh examples"):
            net.inference().evaluate(
                spikes(4), labels(4), metric, [], sample_weight=[1, 2, 3, 4]
            )
