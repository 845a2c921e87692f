"""Callback that saves the best model of training."""

from __future__ import annotations

from collections.abc import Mapping
from math import isnan, nan
from pathlib import Path
from typing import Any

from ml_genn.callbacks.callback import Callback
from ml_genn.errors import ValidationError, unknown_name
from ml_genn.graph.graph import get_underlying_pop
from ml_genn.metrics import Metric, default_metrics
from ml_genn.serialisers.safetensors import read_file
from ml_genn.utils.checks import file_path, flag, text
from ml_genn.utils.module import alias

MODES = ("auto", "min", "max")
LOSS = "loss"
MONITORED = "monitored"  #: entry {name: value} in the info of a saved model


class ModelCheckpoint(Callback):
    """Saves the compiled network to a single file at the end of epochs.

    `ml_genn.load_model` returns the compiled network again. As one of ``callbacks`` it
    monitors metrics of training, as one of ``validation_callbacks`` those of
    validation.

    Args:
        path: the file; ``{epoch}`` is replaced by the number of the epoch.
        monitor: "loss" (default) or the name of a metric of the network, for example
            "sparse_categorical_accuracy".
        mode: "min" or "max" if the smallest or largest value is best; "auto" (default):
            "min" for losses and errors, otherwise "max".
        save_best_only: True (default) to save only epochs better than all before; an
            epoch without a measurement is none. If
            training continues from a checkpoint (``start_epoch``), the value stored in
            the file is the best one before.
        output: output of the metric; None (default) for the only output.
    """

    first_process_only = True

    def __init__(
        self,
        path: str | Path,
        monitor: str = LOSS,
        mode: str = "auto",
        save_best_only: bool = True,
        output: Any = None,
    ) -> None:
        if mode not in MODES:
            raise unknown_name("mode", str(mode), MODES, where="ModelCheckpoint")
        self.path = str(file_path("ModelCheckpoint: path", path))
        self.monitor = text("ModelCheckpoint: monitor", monitor)
        self.mode = mode
        self.save_best_only = flag("ModelCheckpoint: save_best_only", save_best_only)
        self.output = output
        self._network: Any = None
        self._best: float | None = None

    def set_params(self, **kwargs: Any) -> None:
        """Stores the network, and the value of a model saved before."""
        self._network = kwargs["compiled_network"]
        path = Path(self.path)
        if kwargs.get("start_epoch") and path.is_file():
            self._best = read_file(path).info.get(MONITORED, {}).get(self.monitor)
        else:
            self._best = None

    def on_epoch_end(self, epoch: int, metrics: Mapping[Any, Any]) -> None:
        """Saves the network if the epoch is better than all before."""
        value = self._value(metrics)
        if self.save_best_only and not self._is_better(value):
            return
        self._best = value
        path = self.path.replace("{epoch}", str(epoch))
        monitored = {} if isnan(value) else {self.monitor: value}
        self._network.save_model(path, monitored=monitored)

    def _is_better(self, value: float) -> bool:
        if isnan(value) or self._best is None:
            return not isnan(value)
        metric = default_metrics.get(self.monitor)
        full = self.monitor if metric is None else alias(metric)
        small = "loss" in full or "error" in full
        if self.mode == "min" or (self.mode == "auto" and small):
            return value < self._best
        return value > self._best

    def _value(self, metrics: Mapping[Any, Any]) -> float:
        """Returns the monitored value; nan if no batch of the epoch was measured."""
        if self.monitor == LOSS:
            results = [getattr(metrics, LOSS, None)]
        else:
            results = [m.result for m in self._monitored(metrics)]
        values = [value for value in results if value is not None]
        if not values:
            return nan
        if len(values) != 1:
            raise ValidationError(
                f"ModelCheckpoint: '{self.monitor}' is measured {len(values)} times. "
                "Say in output which one is meant."
            )
        return float(values[0])

    def _monitored(self, metrics: Mapping[Any, Any]) -> list[Any]:
        """Returns the metrics with the monitored name.

        Raises:
            UnknownNameError: if there is none.
        """
        named = [
            (key, _names(name, part), part)
            for key, metric in metrics.items()
            for name, part in metric.named().items()
        ]
        known = {LOSS}.union(*(names for _, names, _ in named))
        if self.monitor not in known:
            where = "ModelCheckpoint: monitor"
            raise unknown_name("metric", self.monitor, known, where=where)
        output = None if self.output is None else get_underlying_pop(self.output)
        return [
            metric
            for key, names, metric in named
            if self.monitor in names
            and (output is None or get_underlying_pop(key) is output)
        ]

    def __repr__(self) -> str:
        return (
            f"ModelCheckpoint({self.path!r}, {self.monitor!r}, {self.mode!r}, "
            f"{self.save_best_only!r}, {self.output!r})"
        )


def _names(name: str, metric: Metric) -> set[str]:
    """Returns the names under which a metric can be monitored."""
    aliases = {name for name, cls in default_metrics.items() if cls is type(metric)}
    return {name, *aliases}
