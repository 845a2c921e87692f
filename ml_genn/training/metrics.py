"""Metrics of each output: which are measured, and their values by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from math import nan
from typing import Any

import numpy as np

from ml_genn.errors import ValidationError, unknown_name
from ml_genn.graph.graph import get_underlying_pop
from ml_genn.losses import Loss
from ml_genn.metrics import (
    LABELS,
    Metric,
    MetricsType,
    default_metrics,
    metric_of,
)
from ml_genn.metrics.metric import scalar
from ml_genn.population import Population
from ml_genn.training.history import History
from ml_genn.training.population_dict import PopulationDict, population_items
from ml_genn.utils.logs import VALIDATION, LogEntry, Logs

LOSS = "loss"  #: name of the loss in logs


class Metrics(PopulationDict):
    """Metrics of each output, and the mean loss.

    ``metrics["accuracy"]`` and ``metrics["loss"]`` are numbers, by the names that
    `History` has: with several outputs the name of the output precedes that of the
    metric. ``metrics[output]``, for a population, its layer or its name, is the
    `Metric`, whose value is ``.result``.

    Attributes:
        loss: mean loss over the examples so far; None without a loss.
        history: `History` of training; empty for results of evaluation.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.loss: float | None = None
        self.history = History()

    @property
    def logs(self) -> Logs:
        """Loss and metrics by name; nan for a metric without data.

        Results that are arrays are omitted, and so is the loss without one.
        """
        logs = Logs({} if self.loss is None else {LOSS: self.loss})
        for _, name, metric in self.parts():
            if np.ndim(metric.result) == 0:
                value = scalar(metric)
                logs[name] = nan if value is None else value
        return logs

    def parts(self) -> Iterator[tuple[str, str, Metric]]:
        """Yields (output, name in the logs, metric)."""
        for key, metric in self.items():
            output = str(key)
            for name, part in metric.named().items():
                yield output, f"{output}_{name}" if len(self) > 1 else name, part

    def __missing__(self, key: Any) -> Any:
        if not isinstance(key, str) or super().__contains__(key):
            return super().__missing__(key)
        results = self._results()
        if key in results:
            return results[key]
        known = [*map(str, self), *results]
        raise unknown_name("loss, metric or output", key, known, where="Metrics")

    def __contains__(self, key: object) -> bool:
        return super().__contains__(key) or key in self._results()

    def _results(self) -> Logs:
        """Results of all metrics by name."""
        results = Logs({} if self.loss is None else {LOSS: self.loss})
        results.update({name: metric.result for _, name, metric in self.parts()})
        return results

    def __repr__(self) -> str:
        entries = (f"{k}={_value_text(v)}" for k, v in self._results().items())
        return f"Metrics({', '.join(entries)})"


def _value_text(value: Any) -> str:
    if value is None:
        return "None"
    return f"array {np.shape(value)}" if np.ndim(value) else f"{value:.4g}"


def epoch_logs(metrics: Metrics, validation: Metrics | None = None) -> Logs:
    """Returns loss and metrics of an epoch by name; nan for those without data.

    Metrics whose result is an array are omitted.

    Args:
        metrics: metrics of training.
        validation: metrics of validation, whose names get the prefix "val_"; None
            (default) for none.
    """
    logs = Logs({LOSS: nan, **metrics.logs})
    if validation is not None:
        named = {LOSS: nan, **validation.logs}
        logs.update({f"{VALIDATION}{name}": value for name, value in named.items()})
    return logs


def log_entries(metrics: Metrics, prefix: str = "") -> list[LogEntry]:
    """Returns what the logs of an epoch contain.

    Args:
        metrics: metrics of training or validation.
        prefix: "val_" for validation; empty (default) for training.
    """
    entries = [LogEntry(prefix, None, LOSS, frozenset(), higher_is_better=False)]
    for output, name, metric in metrics.parts():
        own = name.removeprefix(f"{output}_")
        classes = {n for n, cls in default_metrics.items() if cls is type(metric)}
        aliases = frozenset({own, type(metric).__name__.lower()} | classes)
        better = metric.HIGHER_IS_BETTER
        entries.append(LogEntry(prefix, output, name, aliases, better))
    return entries


def metrics_by_output(
    metrics: MetricsType | None,
    outputs: Iterable[Any],
    losses: Mapping[Population, Loss],
    targets: Mapping[Any, np.ndarray],
) -> dict[Any, Metric]:
    """Returns {output: its metric}, copies without data of metrics that users pass.

    Args:
        metrics: a metric or its name, several, or {output: any of these}; None for the
            metric that the loss of each output names.
        outputs: the outputs, as the user wrote them.
        losses: {output: loss}; empty without training.
        targets: {output: targets}, which choose the default metric without a loss;
            empty for data that are not in memory. One-hot
            targets choose the accuracy of one-hot targets.

    Raises:
        ValidationError: if a dictionary lacks an output or has another key.
    """
    keys = list(outputs)
    names = {str(key) for key in keys}
    named = isinstance(metrics, Mapping) and any(
        isinstance(key, str) and key not in names for key in metrics
    )
    if isinstance(metrics, Mapping) and not named:
        populations = {get_underlying_pop(k): k for k in keys}
        items = population_items(metrics, populations)
        if set(items) != set(populations):
            raise ValidationError(
                "Metrics: a dictionary has one entry for each of the outputs "
                f"{sorted(p.name for p in populations)}. Received entries for "
                f"{sorted(p.name for p in items)}."
            )
        arguments = {key: items[p][1] for p, key in populations.items()}
    else:
        arguments = dict.fromkeys(keys, metrics)
    return {
        key: metric_of(
            argument,
            str(key),
            _default(losses.get(get_underlying_pop(key)), targets.get(key)),
        ).fresh()
        for key, argument in arguments.items()
    }


def _default(loss: Loss | None, targets: np.ndarray | None) -> str:
    """Returns the name of the metric that fits the loss, or the targets without one."""
    if loss is not None:
        return loss.METRIC
    one_hot = (
        targets is not None
        and targets.ndim == 2
        and np.isin(targets, (0, 1)).all()
        and (targets.sum(axis=1) == 1).all()
    )
    return "categorical_accuracy" if one_hot else LABELS
