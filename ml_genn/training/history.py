"""What training was like, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from math import nan
from typing import Any

import numpy as np

from ml_genn.errors import UnsupportedError
from ml_genn.graph.graph import get_underlying_pop
from ml_genn.metrics.metric import scalar
from ml_genn.training.population_dict import PopulationDict
from ml_genn.utils.logs import VALIDATION, Logs
from ml_genn.utils.tables import Table

SHOWN = 10  #: epochs at either end that a notebook shows


def logs_of(metrics: PopulationDict, validation: PopulationDict | None = None) -> Logs:
    """Loss and metrics of an epoch by name, nan where there were no data.

    Metrics whose result is an array are left out.

    Args:
        metrics: of training.
        validation: of validation; their names begin with "val_".
    """
    found = Logs(_named(metrics, ""))
    found.update(_named(validation, VALIDATION) if validation is not None else {})
    return found


def _named(metrics: PopulationDict, prefix: str) -> dict[str, float]:
    found = {f"{prefix}loss": nan if metrics.loss is None else metrics.loss}
    for key, metric in metrics.items():
        output = f"{get_underlying_pop(key).name}_" if len(metrics) > 1 else ""
        for name, one in metric.named().items():
            if np.ndim(one.result) == 0:
                value = scalar(one)
                found[f"{prefix}{output}{name}"] = nan if value is None else value
    return found


class History(Logs):
    """Lists with a number per epoch: ``history["loss"]``, ``history["val_accuracy"]``.

    Attributes:
        epoch: numbers of the epochs.
    """

    def __init__(self) -> None:
        super().__init__()
        self.epoch: list[int] = []

    def add(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Takes an epoch in; what it has no number for is nan."""
        for name in dict.fromkeys([*self, *logs]):
            before = [nan] * len(self.epoch)
            self.setdefault(name, before).append(logs.get(name, nan))
        self.epoch.append(epoch)

    def _repr_html_(self) -> str:
        """A row for each epoch, as notebooks show it; of many, the first and last."""
        rows = [
            (str(epoch), *(f"{values[k]:.4g}" for values in self.values()))
            for k, epoch in enumerate(self.epoch)
        ]
        if len(rows) > 2 * SHOWN:
            rows[SHOWN:-SHOWN] = [("...",) * (1 + len(self))]
        return Table(("epoch", *self), rows).html()

    def to_pandas(self) -> Any:
        """A pandas DataFrame with a row for each epoch.

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
