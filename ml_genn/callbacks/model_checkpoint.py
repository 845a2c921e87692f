"""Callback that saves the best model of training."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Any

from ml_genn.callbacks.metric_monitors import Monitor
from ml_genn.errors import ValidationError
from ml_genn.graph.graph import get_underlying_pop
from ml_genn.serialisers.safetensors import read_file
from ml_genn.utils.checks import file_path, flag
from ml_genn.utils.logs import LogNames

_FIELD = re.compile(r"\{(\w+)(:[^{}]*|)\}")  # {name} or {name:format} in a path
MONITORED = "monitored"  #: entry {name: value} in the info of a saved model


class ModelCheckpoint(Monitor):
    """Saves the compiled network to a single file at the end of epochs.

    `ml_genn.load_model` returns the compiled network again. An epoch without a
    measurement, whose batches were all left out, is not better than others.

    Args:
        path: the file. ``{epoch}`` is replaced by the number of the epoch, from 1, and
            the name of a loss or metric in braces by its value, both formatted as in
            ``"{epoch:03d}-{val_loss:.2f}.safetensors"``.
        monitor: name of a loss or metric, "loss" by default: "val_loss",
            "sparse_categorical_accuracy", "val_accuracy"; see `History`. As one of
            ``validation_callbacks`` it monitors validation, without the prefix too.
        mode: "min" or "max" if the smallest or largest value is best; "auto" (default)
            for what the metric says, its attribute ``HIGHER_IS_BETTER``.
        save_best_only: True (default) to save only epochs better than all before. If
            training continues from a checkpoint (``start_epoch``), the value stored in
            the file is the best one before.
        output: output of the metric; None (default) for the only output.

    Raises:
        UnknownNameError: when training begins, if there is no such loss or metric.
    """

    first_process_only = True

    def __init__(
        self,
        path: str | Path,
        monitor: str = "loss",
        mode: str = "auto",
        save_best_only: bool = True,
        output: Any = None,
    ) -> None:
        super().__init__(monitor, mode)
        self.path = str(file_path("ModelCheckpoint: path", path))
        self.save_best_only = flag("ModelCheckpoint: save_best_only", save_best_only)
        self.output = output

    def set_params(self, **kwargs: Any) -> None:
        """Stores the network, and the value of a model saved before."""
        super().set_params(**kwargs)
        self._fields = {
            name: _field(name, kwargs["log_names"])
            for name, _ in _FIELD.findall(self.path)
        }
        path = Path(self.path)
        if kwargs.get("start_epoch") and path.is_file():
            before = read_file(path).info.get(MONITORED)
            value = before.get(self._log) if isinstance(before, dict) else None
            if isinstance(value, int | float) and isfinite(value):
                self._best = self._sign * value

    def on_epoch_logs(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Saves the network if the epoch is better than all before."""
        if not self._improved(logs) and self.save_best_only:
            return
        value = logs[self._log]
        monitored = {self._log: value} if isfinite(value) else {}
        self._network.save_model(self._file(epoch, logs), monitored=monitored)

    def _file(self, epoch: int, logs: Mapping[str, float]) -> str:
        """Returns the path of an epoch.

        Raises:
            ValidationError: if a number does not fit its format.
        """
        numbers = {"epoch": epoch + 1, **logs}

        def text(match: re.Match[str]) -> str:
            name, form = match.groups()
            try:
                return format(numbers[self._fields[name]], form.removeprefix(":"))
            except ValueError as error:
                raise ValidationError(
                    f"ModelCheckpoint: path: '{match[0]}' is no format of a number, "
                    f"such as '{{{name}:.2f}}' ({error})."
                ) from None

        return _FIELD.sub(text, self.path)

    def _output(self) -> str | None:
        return None if self.output is None else get_underlying_pop(self.output).name

    def __repr__(self) -> str:
        return (
            f"ModelCheckpoint({self.path!r}, {self.monitor!r}, {self.mode!r}, "
            f"{self.save_best_only!r}, {self.output!r})"
        )


def _field(name: str, names: LogNames) -> str:
    """Returns "epoch", or the full name of a loss or metric that a path contains."""
    if name == "epoch":
        return name
    # the mode says that no direction is asked for
    return names.find("ModelCheckpoint: path", name, "min")[0]
