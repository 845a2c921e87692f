"""Metrics: measures of how well predictions agree with targets."""

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
from ml_genn.utils.logs import short_name
from ml_genn.utils.module import aliases, get_object
from ml_genn.utils.synonyms import answer_names_of

ACCURACY = "accuracy"  #: name of the accuracy that fits the targets

#: {name: class} of metrics that can be requested by name.
default_metrics: dict[str, type[Metric]] = aliases(
    CategoricalAccuracy,
    ConfusionMatrix,
    MeanAbsoluteError,
    MeanSquareError,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
) | {
    ACCURACY: SparseCategoricalAccuracy,
    "mae": MeanAbsoluteError,
    "mse": MeanSquareError,
}

#: A metric or its name.
MetricType: TypeAlias = Metric | str
#: One, several, several by name, or any of these for each output.
MetricsType: TypeAlias = MetricType | Sequence[MetricType] | Mapping[object, object]

LABELS = "sparse_categorical_accuracy"  #: default metric where targets are labels


def metric_of(specification: object, output: str, default: str = LABELS) -> Metric:
    """Returns the metric of one output.

    Args:
        specification: a metric or its name, a sequence of these, or {name: metric};
            None for the default. "accuracy" is the accuracy for the form of the
            targets.
        output: name of the output, for errors.
        default: name of the default metric, which fits the targets: accuracy of labels
            by default.

    Raises:
        ValidationError: if the sequence is empty or names a class twice.
        UnknownNameError: if no metric has the name.
    """
    get_object(default, Metric, "Metrics: default", default_metrics)
    if specification is None:
        specification = default
    if isinstance(specification, Mapping):
        return SeveralMetrics(
            {str(n): _single(m, output, default) for n, m in specification.items()}
        )
    if not isinstance(specification, Sequence) or isinstance(specification, str):
        return _single(specification, output, default)
    metrics = [_single(item, output, default) for item in specification]
    named = {n: m for metric in metrics for n, m in metric.named().items()}
    if len(named) < len(metrics) or not metrics:
        raise ValidationError(
            f"Metrics: a list for output '{output}' has at least one metric, and one "
            "of each class. Name those of the same class: {'top 3': "
            "SparseTopKCategoricalAccuracy(3), ...}. "
            f"Received {shown(specification)}."
        )
    return SeveralMetrics(named)


def _single(specification: object, output: str, default: str) -> Metric:
    is_name = isinstance(specification, str)
    if is_name and specification == ACCURACY == short_name(default):
        specification = default
    metric = get_object(specification, Metric, "Metric", default_metrics)
    if metric is None:
        raise ValidationError(f"Metrics: output '{output}' has none.")
    return metric


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

answer_names_of(__name__)
