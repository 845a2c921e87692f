"""History of training: loss and metrics of each epoch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from math import nan
from typing import Any

import numpy as np

from ml_genn.errors import UnsupportedError
from ml_genn.graph.graph import get_underlying_pop
from ml_genn.metrics import Metric, default_metrics
from ml_genn.metrics.metric import scalar
from ml_genn.training.population_dict import PopulationDict
from ml_genn.utils.logs import VALIDATION, LogEntry, Logs
from ml_genn.utils.tables import Table

LOSS = "loss"  #: name of the loss in logs
SHOWN = 10  #: first and last epochs that notebooks show of a long history


def epoch_logs(
    metrics: PopulationDict, validation: PopulationDict | None = None
) -> Logs:
    """Returns loss and metrics of an epoch by name; nan for a metric without data.

    Metrics whose result is an array are omitted.

    Args:
        metrics: metrics of training.
        validation: metrics of validation, whose names get the prefix "val_"; None
            (default) for none.
    """
    logs = Logs(_named(metrics, ""))
    logs.update(_named(validation, VALIDATION) if validation is not None else {})
    return logs


def log_entries(metrics: PopulationDict, prefix: str = "") -> list[LogEntry]:
    """Returns what the logs of an epoch contain.

    Args:
        metrics: metrics of training or validation.
        prefix: "val_" for validation; empty (default) for training.
    """
    entries = [LogEntry(prefix, None, LOSS, frozenset(), higher_is_better=False)]
    for output, name, metric in _parts(metrics):
        own = name.removeprefix(f"{output}_")
        classes = {n for n, cls in default_metrics.items() if cls is type(metric)}
        aliases = frozenset({own, type(metric).__name__.lower()} | classes)
        better = metric.HIGHER_IS_BETTER
        entries.append(LogEntry(prefix, output, name, aliases, better))
    return entries


def _named(metrics: PopulationDict, prefix: str) -> dict[str, float]:
    logs = {f"{prefix}{LOSS}": nan if metrics.loss is None else metrics.loss}
    for _, name, metric in _parts(metrics):
        if np.ndim(metric.result) == 0:
            value = scalar(metric)
            logs[f"{prefix}{name}"] = nan if value is None else value
    return logs


def _parts(metrics: PopulationDict) -> Iterator[tuple[str, str, Metric]]:
    """Yields (output, name in the logs without prefix, metric)."""
    for key, metric in metrics.items():
        output = get_underlying_pop(key).name
        for name, part in metric.named().items():
            yield output, f"{output}_{name}" if len(metrics) > 1 else name, part


class History(Logs):
    """Lists with a number per epoch: ``history["loss"]``, ``history["val_accuracy"]``.

    Attributes:
        epoch: numbers of the epochs.
    """

    def __init__(self) -> None:
        super().__init__()
        self.epoch: list[int] = []

    def add(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Appends an epoch; names that it lacks get nan.

        Args:
            epoch: number of the epoch.
            logs: loss and metrics by name.
        """
        for name in dict.fromkeys([*self, *logs]):
            before = [nan] * len(self.epoch)
            self.setdefault(name, before).append(logs.get(name, nan))
        self.epoch.append(epoch)

    def _repr_html_(self) -> str:
        """A table with a row for each epoch, or for the first and last ones."""
        rows = [
            (str(epoch), *(f"{values[k]:.4g}" for values in self.values()))
            for k, epoch in enumerate(self.epoch)
        ]
        if len(rows) > 2 * SHOWN:
            rows[SHOWN:-SHOWN] = [("...",) * (1 + len(self))]
        return Table(("epoch", *self), rows).html()

    def to_pandas(self) -> Any:
        """Returns a pandas DataFrame with a row for each epoch.

        Raises:
            UnsupportedError: if pandas is not installed.
        """
        try:
            pandas = import_module("pandas")
        except ImportError:
            raise UnsupportedError(
                "History.to_pandas: pandas is not installed. "
                "pip install 'ml_genn[logs]'"
            ) from None
        return pandas.DataFrame(
            dict(self), index=pandas.Index(self.epoch, name="epoch")
        )
