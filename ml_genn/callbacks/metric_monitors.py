"""Callbacks that act when a loss or metric stops improving."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Any

from ml_genn.callbacks.callback import Callback
from ml_genn.callbacks.progress import no_progress, number_text
from ml_genn.errors import ValidationError
from ml_genn.model.snapshot import Snapshot
from ml_genn.utils.checks import (
    flag,
    fraction,
    not_negative,
    number,
    one_of,
    text,
    whole,
)

MODES = ("auto", "max", "min")


class Monitor(Callback):
    """Base of callbacks that compare a loss or metric with its best value so far."""

    def __init__(self, monitor: str, mode: str, min_delta: float = 0.0) -> None:
        name = type(self).__name__
        one_of(f"{name}: mode", mode, "mode", MODES)
        self.monitor = text(f"{name}: monitor", monitor)
        self.mode = mode
        self._min_delta = not_negative(f"{name}: min_delta", min_delta)

    def set_params(self, **kwargs: Any) -> None:
        """Finds the loss or metric, and resets the best value.

        Raises:
            UnknownNameError: if there is no such loss or metric.
            ValidationError: if the network is not trained, or it is not known which
                values are better.
        """
        self._network, names = kwargs["compiled_network"], kwargs.get("log_names")
        self._progress = kwargs.get("progress") or no_progress()
        name = type(self).__name__
        if names is None:
            raise ValidationError(f"{name}: it belongs to callbacks of training.")
        where = f"{name}: monitor"
        self._log, rises = names.find(where, self.monitor, self.mode, self._output())
        self._sign = -1.0 if rises else 1.0
        self._best = inf
        self._wait = 0

    def _output(self) -> str | None:
        """Returns the name of the monitored output; None for the only one."""
        return None

    def _stagnation(self) -> str:
        """Returns a clause that says since when the value has not improved."""
        epochs = "1 epoch" if self._wait == 1 else f"{self._wait} epochs"
        best = number_text(self._sign * self._best)
        return f"{self._log} has not improved on {best} for {epochs}"

    def _improved(self, logs: Mapping[str, float]) -> bool:
        """Updates the best value and the epochs since then; True for a new best."""
        value = self._sign * logs[self._log]
        improved = value < self._best - self._min_delta
        self._best = value if improved else self._best
        self._wait = 0 if improved else self._wait + 1
        return improved


class EarlyStopping(Monitor):
    """Stops training when a loss or metric has not improved for some epochs.

    Args:
        monitor: name of a loss or metric, "val_loss" by default; see `History`.
        min_delta: smallest change that counts as an improvement, 0 by default.
        patience: epochs without improvement after which training stops, 0 by default.
        mode: "min", "max", or "auto" (default) for what the metric says, its attribute
            ``HIGHER_IS_BETTER``.
        baseline: value that the first epochs have to improve on; None (default) for
            none.
        restore_best_weights: True to restore weights, delays, parameters, synapses that
            Deep-R moves and the optimisers' moments of the best epoch; False by
            default. Learning rates, numbers of steps and states of random generators
            are not restored.
        start_from_epoch: number of epochs that are ignored at the start, 0 by default.

    Attributes:
        stopped_epoch: the last epoch, if the callback stopped training; None otherwise.
        best_epoch: the epoch with the best value; None if no epoch improved.
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
        """Resets the state of the callback."""
        super().set_params(**kwargs)
        self.stopped_epoch = self.best_epoch = None
        self._best_snapshot: Snapshot | None = None
        self._seen = 0
        if self._baseline is not None:
            self._best = self._sign * self._baseline

    def on_epoch_logs(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Compares the value, and stops training after ``patience`` epochs."""
        self._seen += 1
        if self._seen <= self._start:
            return
        if self._improved(logs):
            self.best_epoch = epoch
            if self._restores:
                self._best_snapshot = self._network.snapshot()
        if self._wait >= max(self._patience, 1):
            self.stopped_epoch = epoch
            self._network.stop_training = True
            self._progress.message(
                f"Epoch {epoch + 1}: early stopping, {self._stagnation()}."
            )

    def on_train_end(self, metrics: Mapping[Any, Any]) -> None:
        """Restores the best epoch, if it was not the last one."""
        if self._best_snapshot is not None and self._wait:
            current = self._network.snapshot()
            self._network.restore(Snapshot(self._best_snapshot.arrays, current.info))
            best = -1 if self.best_epoch is None else self.best_epoch
            self._progress.message(
                f"Weights of epoch {best + 1} are restored: {self._log} "
                f"{number_text(self._sign * self._best)}."
            )

    def __repr__(self) -> str:
        return (
            f"EarlyStopping({self.monitor!r}, {self._min_delta!r}, {self._patience!r}, "
            f"{self.mode!r}, {self._baseline!r}, {self._restores!r}, {self._start!r})"
        )


class ReduceLROnPlateau(Monitor):
    """Reduces learning rates when a loss or metric stops improving.

    Args:
        monitor: name of a loss or metric, "val_loss" by default; see `History`.
        factor: factor of the learning rates, 0.1 by default.
        patience: epochs without improvement before they are reduced, 10 by default.
        mode: "min", "max", or "auto" (default) for what the metric says, its attribute
            ``HIGHER_IS_BETTER``.
        min_delta: smallest change that counts as an improvement, 0.0001 by default.
        cooldown: epochs after a reduction that do not count for ``patience``, 0 by
            default.
        min_lr: smallest learning rate, 0 by default.
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
        """Resets the state of the callback.

        Raises:
            ValidationError: if a learning rate follows a schedule.
        """
        super().set_params(**kwargs)
        self._cooling = 0
        for optimiser, _ in self._network.optimisers:
            if callable(optimiser.alpha):
                raise ValidationError(
                    f"ReduceLROnPlateau: the learning rate of {optimiser!r} follows a "
                    "schedule. Give it a number."
                )

    def on_epoch_logs(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Compares the value, and reduces learning rates after ``patience`` epochs."""
        self._improved(logs)
        if self._cooling:
            self._cooling -= 1
            self._wait = 0
        if self._wait < max(self._patience, 1):
            return
        rates = [optimiser.alpha for optimiser, _ in self._network.optimisers]
        for optimiser, _ in self._network.optimisers:
            lower = max(optimiser.alpha * self._factor, self._least)
            optimiser.alpha = min(optimiser.alpha, lower)
        lowered = [optimiser.alpha for optimiser, _ in self._network.optimisers]
        changes = dict.fromkeys(
            f"{rate:.3g} -> {lower:.3g}"
            for rate, lower in zip(rates, lowered, strict=True)
            if lower < rate
        )
        if changes:
            self._progress.message(
                f"Epoch {epoch + 1}: learning rate {', '.join(changes)}, "
                f"{self._stagnation()}."
            )
        self._cooling, self._wait = self._cooldown, 0

    def __repr__(self) -> str:
        return (
            f"ReduceLROnPlateau({self.monitor!r}, {self._factor!r}, "
            f"{self._patience!r}, {self.mode!r}, {self._min_delta!r}, "
            f"{self._cooldown!r}, {self._least!r})"
        )
