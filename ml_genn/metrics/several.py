"""Several metrics of one output."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ml_genn.communicators import Communicator
from ml_genn.metrics.metric import Metric
from ml_genn.utils.logs import Logs


class SeveralMetrics(Metric):
    """Metrics of one output, indexed by name, unique part of a name, or position.

    The result is {name: result}.

    Args:
        metrics: {name: metric}.
    """

    def __init__(self, metrics: Mapping[str, Metric]) -> None:
        self._metrics = Logs(metrics)

    def named(self) -> dict[str, Metric]:
        """Returns {name: metric}."""
        return dict(self._metrics)

    def check_target(
        self, y_true: Any, where: str, *, steps: int, shape: tuple[int, ...]
    ) -> None:
        """Raises an error for targets that do not fit one of the metrics."""
        for metric in self._metrics.values():
            metric.check_target(y_true, where, steps=steps, shape=shape)

    def check_weights(self) -> None:
        """Raises UnsupportedError unless all metrics support weights of examples."""
        for metric in self._metrics.values():
            metric.check_weights()

    def update(
        self,
        y_true: Any,
        y_pred: np.ndarray,
        communicator: Communicator | None = None,
        weights: np.ndarray | None = None,
    ) -> None:
        """Adds a batch of targets and predictions."""
        options = {} if weights is None else {"weights": weights}
        for metric in self._metrics.values():
            metric.update(y_true, y_pred, communicator, **options)

    def reset(self) -> None:
        """Discards all data."""
        for metric in self._metrics.values():
            metric.reset()

    def fresh(self) -> SeveralMetrics:
        """Returns metrics with the same settings and no data."""
        return SeveralMetrics({n: m.fresh() for n, m in self._metrics.items()})

    @property
    def result(self) -> Logs:
        """``{name: value of the data so far}``."""
        return Logs((name, metric.result) for name, metric in self._metrics.items())

    def __getitem__(self, name: str | int) -> Metric:
        metric: Metric = (
            list(self._metrics.values())[name]
            if isinstance(name, int)
            else self._metrics[name]
        )
        return metric

    def __len__(self) -> int:
        return len(self._metrics)

    def __repr__(self) -> str:
        return f"SeveralMetrics({dict(self._metrics)!r})"
