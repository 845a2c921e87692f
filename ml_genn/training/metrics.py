"""Metrics of outputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ml_genn.errors import ValidationError
from ml_genn.graph.graph import get_underlying_pop
from ml_genn.metrics import Metric, MetricsType, metric_of
from ml_genn.training.population_dict import population_items


def metrics_of(metrics: MetricsType, outputs: Iterable[Any]) -> dict[Any, Metric]:
    """{output: its metric}, each with a state of its own.

    Args:
        metrics: a metric or its name, several, or {output: any of these}.
        outputs: the outputs, as the user wrote them.

    Raises:
        ValidationError: if a dictionary has not one entry for each output.
    """
    keys = list(outputs)
    named = isinstance(metrics, Mapping) and any(
        isinstance(key, str) for key in metrics
    )
    if isinstance(metrics, Mapping) and not named:
        given = population_items(metrics)
        known = {get_underlying_pop(k): k for k in keys}
        if set(given) != set(known):
            raise ValidationError(
                "Metrics: a dictionary has one entry for each of the outputs "
                f"{sorted(p.name for p in known)}. Received entries for "
                f"{sorted(p.name for p in given)}."
            )
        found = {key: given[p][1] for p, key in known.items()}
    else:
        found = dict.fromkeys(keys, metrics)
    result: dict[Any, Metric] = {}
    used: list[Metric] = []
    for key, given in found.items():
        made = metric_of(given, str(key))
        own = list(made.named().values())
        twice = any(metric in used for metric in own)
        result[key] = made.fresh() if twice else made
        used += own
    return result
