"""Metrics that tell how good predictions are."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from ml_genn.errors import ValidationError
from ml_genn.metrics.classes import (
    CategoricalAccuracy,
    ConfusionMatrix,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
)
from ml_genn.metrics.metric import Metric
from ml_genn.metrics.several import SeveralMetrics
from ml_genn.metrics.values import MeanAbsoluteError, MeanSquareError
from ml_genn.utils.checks import shown
from ml_genn.utils.module import aliases, get_object

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
#: One, several, several by name, or any of these for each output.
MetricsType: TypeAlias = MetricType | Sequence[MetricType] | Mapping[object, object]


def metric_of(given: object, output: str) -> Metric:
    """A metric from what users write.

    Args:
        given: a metric or its name, several in a sequence, or {name: metric}.
        output: what errors name.

    Raises:
        ValidationError: if there is none, or there are two of a name.
        UnknownNameError: if there is no metric of a name.
    """
    if isinstance(given, Mapping):
        return SeveralMetrics({str(n): _one(m, output) for n, m in given.items()})
    if not isinstance(given, Sequence) or isinstance(given, str):
        return _one(given, output)
    made = [_one(metric, output) for metric in given]
    named = {name: metric for one in made for name, metric in one.named().items()}
    if len(named) < len(made) or not made:
        raise ValidationError(
            f"Metrics: a list for output '{output}' has at least one metric, and one "
            "of each class. Name those of the same class: {'top 3': "
            "SparseTopKCategoricalAccuracy(3), ...}. "
            f"Received {shown(given)}."
        )
    return SeveralMetrics(named)


def _one(given: object, output: str) -> Metric:
    found = get_object(given, Metric, "Metric", default_metrics)
    if found is None:
        raise ValidationError(f"Metrics: output '{output}' has none.")
    return found


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
    "metric_of",
]
