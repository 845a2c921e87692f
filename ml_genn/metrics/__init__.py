"""Metrics that tell how good predictions are."""

from typing import TypeAlias

from ml_genn.metrics.classes import (
    CategoricalAccuracy,
    ConfusionMatrix,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
)
from ml_genn.metrics.metric import Metric
from ml_genn.metrics.values import MeanAbsoluteError, MeanSquareError
from ml_genn.utils.module import aliases

#: {name: class} of what may be asked for by name.
default_metrics: dict[str, type[Metric]] = aliases(
    CategoricalAccuracy,
    ConfusionMatrix,
    MeanAbsoluteError,
    MeanSquareError,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
) | {
    "accuracy": SparseCategoricalAccuracy,
    "mae": MeanAbsoluteError,
    "mse": MeanSquareError,
}

#: A metric or its name.
MetricType: TypeAlias = Metric | str
#: One metric for all outputs, or {output: metric}.
MetricsType: TypeAlias = dict[object, MetricType] | MetricType

__all__ = [
    "CategoricalAccuracy",
    "ConfusionMatrix",
    "MeanAbsoluteError",
    "MeanSquareError",
    "Metric",
    "MetricType",
    "MetricsType",
    "SparseCategoricalAccuracy",
    "SparseTopKCategoricalAccuracy",
    "TopKCategoricalAccuracy",
    "default_metrics",
]
