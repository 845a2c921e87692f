"""Values of metrics, updated batch by batch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ml_genn.communicators import Communicator
from ml_genn.errors import ValidationError
from ml_genn.metrics import (
    CategoricalAccuracy,
    ConfusionMatrix,
    MeanAbsoluteError,
    MeanSquareError,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
    default_metrics,
)


@pytest.mark.parametrize("name", default_metrics)
def test_result_is_none_before_data(name: str) -> None:
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


def test_accuracy_flattens_outputs() -> None:
    metric = SparseCategoricalAccuracy()
    metric.update([3], np.array([[[0.0, 1.0], [2.0, 3.0]]]))
    assert metric.result == 1.0


OUTPUTS = np.array([[0.1, 0.9, 0.5, 0.2], [4.0, 3.0, 2.0, 1.0], [0.0, 0.0, 0.0, 7.0]])


@pytest.mark.parametrize(("k", "num_correct"), [(1, 1), (2, 2), (3, 2), (4, 3), (9, 3)])
def test_top_k_accuracy(k: int, num_correct: int) -> None:
    """Labels have the second-largest, smallest and largest output."""
    y = np.array([2, 3, 3])
    sparse, dense = SparseTopKCategoricalAccuracy(k), TopKCategoricalAccuracy(k)
    sparse.update(y, OUTPUTS)
    dense.update(np.eye(4)[y], OUTPUTS)
    assert sparse.result == dense.result == pytest.approx(num_correct / 3)
    text = f"SparseTopKCategoricalAccuracy({k}, result={num_correct / 3:.4g})"
    assert repr(sparse) == text
    assert repr(sparse.fresh()) == f"SparseTopKCategoricalAccuracy({k})"
    assert sparse.fresh().k == k


def test_ties_are_won_by_the_first_output() -> None:
    metric = SparseTopKCategoricalAccuracy(2)
    metric.update([0, 1, 2], np.zeros((3, 4)))
    assert metric.result == pytest.approx(2 / 3)


def test_top_k_refuses_zero() -> None:
    with pytest.raises(ValidationError, match="TopKCategoricalAccuracy: k is a whole"):
        TopKCategoricalAccuracy(0)


def test_categorical_accuracy_of_one_hot_targets() -> None:
    metric = CategoricalAccuracy()
    metric.update(np.eye(4)[[1, 0, 0]], OUTPUTS)
    assert metric.result == pytest.approx(2 / 3)


def test_confusion_matrix_counts_labels_by_predictions() -> None:
    metric = ConfusionMatrix()
    metric.update([1, 3], OUTPUTS[:2])
    metric.update([1], OUTPUTS[2:], DoublingCommunicator())
    expected = np.zeros((4, 4), dtype=int)
    expected[1, 1] = expected[3, 0] = 1
    expected[1, 3] = 2
    assert np.array_equal(metric.result, expected)
    metric.reset()
    assert metric.result is None


def test_mean_absolute_error() -> None:
    rng = np.random.default_rng(0)
    y_true, y_pred = rng.normal(size=(10, 3)), rng.normal(size=(10, 3))
    metric = MeanAbsoluteError()
    for k in (0, 4, 8):
        metric.update(y_true[k : k + 4], y_pred[k : k + 4])
    assert metric.result == pytest.approx(np.mean(np.abs(y_true - y_pred)))


@pytest.mark.parametrize("labels", [[0], [0, 1, 2], [[0], [1]]])
def test_accuracy_needs_one_label_per_prediction(labels: Any) -> None:
    metric = SparseCategoricalAccuracy()
    with pytest.raises(ValidationError, match="one label per prediction"):
        metric.update(labels, np.zeros((2, 3)))
    assert metric.result is None


@pytest.mark.parametrize("batch", [1, 3, 4, 10, 100])
def test_mean_square_error_does_not_depend_on_batches(batch: int) -> None:
    rng = np.random.default_rng(0)
    y_true, y_pred = rng.normal(size=(10, 7, 3)), rng.normal(size=(10, 7, 3))
    metric = MeanSquareError()
    for k in range(0, 10, batch):
        metric.update(y_true[k : k + batch], y_pred[k : k + batch])
    assert metric.result == pytest.approx(np.mean((y_true - y_pred) ** 2), rel=1e-12)


def test_mean_square_error_refuses_other_shapes() -> None:
    with pytest.raises(ValidationError, match=r"Received \(2, 4\) and \(2, 3\)"):
        MeanSquareError().update(np.zeros((2, 4)), np.zeros((2, 3)))


class DoublingCommunicator(Communicator):
    """Communicator of two processes with the same data."""

    rank = 0
    num_ranks = 2

    def barrier(self) -> None:
        """Does nothing."""

    def broadcast(self, data: Any, root: int) -> None:
        """Does nothing."""

    def reduce_sum(self, value: Any) -> Any:
        """Returns twice the value."""
        return 2 * value


def test_metrics_are_summed_over_processes() -> None:
    accuracy, error = SparseCategoricalAccuracy(), MeanSquareError()
    accuracy.update([0, 1], np.eye(2), DoublingCommunicator())
    assert (accuracy.correct, accuracy.total, accuracy.result) == (4, 4, 1.0)
    error.update(np.zeros((2, 2)), np.ones((2, 2)), DoublingCommunicator())
    assert (error.total, error.count, error.result) == (8.0, 8.0, 1.0)


@pytest.mark.parametrize("name", default_metrics)
def test_integer_weights_equal_repeated_examples(name: str) -> None:
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
