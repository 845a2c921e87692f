"""Metrics that tell how good predictions are."""

from typing import TypeAlias

from ml_genn.metrics.mean_square_error import MeanSquareError
from ml_genn.metrics.metric import Metric
from ml_genn.metrics.sparse_categorical_accuracy import SparseCategoricalAccuracy
from ml_genn.utils.module import aliases

default_metrics: dict[str, type[Metric]] = aliases(
    MeanSquareError, SparseCategoricalAccuracy
)

MetricType: TypeAlias = Metric | str
MetricsType: TypeAlias = dict[object, MetricType] | MetricType

__all__ = [
    "MeanSquareError",
    "Metric",
    "MetricType",
    "MetricsType",
    "SparseCategoricalAccuracy",
    "default_metrics",
]
