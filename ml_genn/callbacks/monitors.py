"""Callbacks that act on how a loss or metric goes on."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Any

from ml_genn.callbacks.callback import Callback
from ml_genn.errors import ValidationError, unknown_name
from ml_genn.model.snapshot import Snapshot
from ml_genn.utils.checks import flag, fraction, not_negative, number, text, whole

MODES = ("auto", "max", "min")


class _Monitor(Callback):
    """What they share: which number is looked at, and when it is better."""

    def __init__(self, monitor: str, mode: str, min_delta: float) -> None:
        name = type(self).__name__
        if mode not in MODES:
            raise unknown_name("mode", str(mode), MODES, where=name)
        self.monitor = text(f"{name}: monitor", monitor)
        self._mode = mode
        rises = mode == "max" or (mode == "auto" and monitor.endswith("accuracy"))
        self._sign = -1.0 if rises else 1.0
        self._min_delta = not_negative(f"{name}: min_delta", min_delta)

    def set_params(self, **kwargs: Any) -> None:
        """Starts anew; refuses a network that does not learn."""
        self._network = kwargs["compiled_network"]
        if not self._network.optimisers:
            raise ValidationError(
                f"{type(self).__name__}: it belongs to callbacks of training."
            )
        self._best = inf
        self._wait = 0

    def _better(self, logs: Mapping[str, float]) -> bool:
        """Whether the number is the best so far; counts epochs since it was."""
        value = self._sign * logs[self.monitor]
        better = value < self._best - self._min_delta
        self._best = value if better else self._best
        self._wait = 0 if better else self._wait + 1
        return better


class EarlyStopping(_Monitor):
    """Stops training when a number has not become better for some epochs.

    Args:
        monitor: name of a loss or metric, "val_loss" by default; see `History`.
        min_delta: what counts as better, 0 by default.
        patience: epochs without it after which training stops, 0 by default.
        mode: "min", "max", or "auto" (default): "max" for accuracies.
        baseline: what has to be beaten from the start; None (default) for nothing.
        restore_best_weights: whether all that is learned (weights, delays, parameters,
            the synapses that Deep-R moves, and what optimisers keep for each of them)
            goes back to what it was after the best epoch; no by default. Rates, numbers
            of steps and random states stay as they are.
        start_from_epoch: epochs before the first that is looked at, 0 by default.

    Attributes:
        stopped_epoch: the last epoch, if it stopped training; None otherwise.
        best_epoch: the epoch with the best number; None if there was none.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0.0,
        patience: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self._patience = whole("EarlyStopping: patience", patience, least=0)
        if baseline is not None:
            number("EarlyStopping: baseline", baseline)
        self._baseline = baseline
        self._restores = flag(
            "EarlyStopping: restore_best_weights", restore_best_weights
        )
        self._start = whole(
            "EarlyStopping: start_from_epoch", start_from_epoch, least=0
        )
        self.stopped_epoch: int | None = None
        self.best_epoch: int | None = None

    def set_params(self, **kwargs: Any) -> None:
        """Starts anew."""
        super().set_params(**kwargs)
        self.stopped_epoch = self.best_epoch = None
        self._kept: Snapshot | None = None
        self._seen = 0
        if self._baseline is not None:
            self._best = self._sign * self._baseline

    def on_epoch_logs(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Looks at the number."""
        self._seen += 1
        if self._seen <= self._start:
            return
        if self._better(logs):
            self.best_epoch = epoch
            if self._restores:
                self._kept = self._network.snapshot()
        if self._wait >= max(self._patience, 1):
            self.stopped_epoch = epoch
            self._network.stop_training = True

    def on_train_end(self, metrics: Mapping[Any, Any]) -> None:
        """Goes back to the best epoch, if it was not the last."""
        if self._kept is not None and self._wait:
            now = self._network.snapshot()
            self._network.restore(Snapshot(self._kept.arrays, now.info))

    def __repr__(self) -> str:
        return (
            f"EarlyStopping({self.monitor!r}, {self._min_delta!r}, {self._patience!r}, "
            f"{self._mode!r}, {self._baseline!r}, {self._restores!r}, {self._start!r})"
        )


class ReduceLROnPlateau(_Monitor):
    """Makes learning rates smaller when a number does not become better.

    Args:
        monitor: name of a loss or metric, "val_loss" by default; see `History`.
        factor: what rates are multiplied with, 0.1 by default.
        patience: epochs without the number becoming better, 10 by default.
        mode: "min", "max", or "auto" (default): "max" for accuracies.
        min_delta: what counts as better, 0.0001 by default.
        cooldown: epochs after which it is looked at again, 0 by default.
        min_lr: rates stay at least this, 0 by default.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self._factor = fraction("ReduceLROnPlateau: factor", factor)
        self._patience = whole("ReduceLROnPlateau: patience", patience, least=0)
        self._cooldown = whole("ReduceLROnPlateau: cooldown", cooldown, least=0)
        self._least = not_negative("ReduceLROnPlateau: min_lr", min_lr)

    def set_params(self, **kwargs: Any) -> None:
        """Starts anew; refuses rates that follow a schedule."""
        super().set_params(**kwargs)
        self._cooling = 0
        for optimiser, _ in self._network.optimisers:
            if callable(optimiser.alpha):
                raise ValidationError(
                    f"ReduceLROnPlateau: the learning rate of {optimiser!r} follows a "
                    "schedule. Give it a number."
                )

    def on_epoch_logs(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Looks at the number."""
        self._better(logs)
        if self._cooling:
            self._cooling -= 1
            self._wait = 0
        if self._wait < max(self._patience, 1):
            return
        for optimiser, _ in self._network.optimisers:
            lower = max(optimiser.alpha * self._factor, self._least)
            optimiser.alpha = min(optimiser.alpha, lower)
        self._cooling, self._wait = self._cooldown, 0

    def __repr__(self) -> str:
        return (
            f"ReduceLROnPlateau({self.monitor!r}, {self._factor!r}, "
            f"{self._patience!r}, {self._mode!r}, {self._min_delta!r}, "
            f"{self._cooldown!r}, {self._least!r})"
        )
