"""History of training: loss and metrics of each epoch."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from math import nan
from typing import Any

from ml_genn.errors import UnsupportedError
from ml_genn.utils.logs import Logs
from ml_genn.utils.tables import Table

SHOWN = 10  #: first and last epochs that are shown of a long history


class History(Logs):
    """Lists with a number per epoch: ``history["loss"]``, ``history["val_accuracy"]``.

    Printed, it is a table whose epochs are counted from 1.

    Attributes:
        epoch: numbers of the epochs, from ``start_epoch`` on, which is 0 by default.
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
            value = logs[name] if name in dict(logs) else nan
            self.setdefault(name, before).append(value)
        self.epoch.append(epoch)

    def __str__(self) -> str:
        return "\n".join(self._table().text())

    def _repr_html_(self) -> str:
        return self._table().html()

    def _table(self) -> Table:
        """Table with a row for each epoch, or for the first and last ones."""
        rows = [
            (str(epoch + 1), *(f"{values[k]:.4g}" for values in self.values()))
            for k, epoch in enumerate(self.epoch)
        ]
        if len(rows) > 2 * SHOWN:
            rows[SHOWN:-SHOWN] = [("...",) * (1 + len(self))]
        return Table(("epoch", *self), rows)

    def to_pandas(self) -> Any:
        """Returns a pandas DataFrame with a row for each epoch, counted from 1.

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
            dict(self), index=pandas.Index([e + 1 for e in self.epoch], name="epoch")
        )
