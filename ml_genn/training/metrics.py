"""Metrics of each output."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ml_genn.errors import ValidationError
from ml_genn.graph.graph import get_underlying_pop
from ml_genn.metrics import Metric, MetricsType, metric_of
from ml_genn.training.population_dict import population_items


def metrics_by_output(
    metrics: MetricsType, outputs: Iterable[Any]
) -> dict[Any, Metric]:
    """Returns {output: its metric}, copies without data of metrics that users pass.

    Args:
        metrics: a metric or its name, several, or {output: any of these}.
        outputs: the outputs, as the user wrote them.

    Raises:
        ValidationError: if a dictionary lacks an output or has another key.
    """
    keys = list(outputs)
    named = isinstance(metrics, Mapping) and any(
        isinstance(key, str) for key in metrics
    )
    if isinstance(metrics, Mapping) and not named:
        items = population_items(metrics)
        populations = {get_underlying_pop(k): k for k in keys}
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
        key: metric_of(argument, str(key)).fresh()
        for key, argument in arguments.items()
    }
