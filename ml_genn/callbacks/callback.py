"""Base of callbacks; it is their manual."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ml_genn.model.batch import Record, RunResult


def _no_op(hook: Callable[..., Any]) -> Callable[..., Any]:
    hook._no_op = True  # type: ignore[attr-defined]
    return hook


class Callback:
    """Something that happens while a network is trained or evaluated.

    Override any of the hooks. A callback that overrides a hook of time steps makes the
    network advance step by step in Python, which is slow; recorders do not. Setting
    ``compiled_network.stop_training`` ends training after the batch.

    Attributes:
        key: key of its data, where that is known beforehand; None (default) for its
            place in the list of callbacks.
        first_process_only: whether, of several processes that run a network together,
            only the first one needs it, since it prints or writes files; no by default.
    """

    key: Any = None
    first_process_only: bool = False

    @_no_op
    def set_params(self, **kwargs: Any) -> None:
        """Called first, with what is about to happen.

        Args:
            **kwargs: ``data`` (dictionary that callbacks may share),
                ``compiled_network``, ``num_batches`` (None if unknown) and, in
                training, ``num_epochs`` and ``start_epoch``.
        """

    @_no_op
    def set_first(self) -> None:
        """Called on the first callback of each type in a list."""

    @_no_op
    def on_test_begin(self) -> None:
        """Called before evaluation or prediction."""

    @_no_op
    def on_test_end(self, metrics: Mapping[Any, Any]) -> None:
        """Called after evaluation or prediction.

        Args:
            metrics: {output: metric}; empty after prediction.
        """

    @_no_op
    def on_train_begin(self) -> None:
        """Called before training."""

    @_no_op
    def on_train_end(self, metrics: Mapping[Any, Any]) -> None:
        """Called after training.

        Args:
            metrics: {output: metric} of the last epoch.
        """

    @_no_op
    def on_epoch_begin(self, epoch: int) -> None:
        """Called before each epoch.

        Args:
            epoch: its number, from ``start_epoch`` on.
        """

    @_no_op
    def on_epoch_end(self, epoch: int, metrics: Mapping[Any, Any]) -> None:
        """Called after each epoch.

        Args:
            epoch: its number.
            metrics: {output: metric} over the epoch; ``metrics.loss`` is the mean loss.
        """

    @_no_op
    def on_epoch_logs(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Called when an epoch of training and its validation are over.

        Args:
            epoch: its number.
            logs: loss and metrics by name, those of validation begin with ``val_``.
        """

    @_no_op
    def on_diverged(self, epoch: int, batch: int) -> None:
        """Called if the loss of a batch is not a finite number; nothing was learned.

        If no callback overrides it, training ends with a `DivergedError`.

        Args:
            epoch, batch: their numbers.
        """

    @_no_op
    def on_batch_begin(self, batch: int) -> None:
        """Called before each batch.

        Args:
            batch: its number in the epoch, from 0 on.
        """

    @_no_op
    def on_batch_end(self, batch: int, metrics: Mapping[Any, Any]) -> None:
        """Called after each batch.

        A callback of the user's own may look at the state of neurons here, for which
        each example of the batch keeps memory of its own.

        Args:
            batch: its number in the epoch.
            metrics: {output: metric} over the epoch so far; ``metrics.loss`` is the
                mean loss.
        """

    @_no_op
    def on_timestep_begin(self, timestep: int) -> None:
        """Called before each time step.

        Args:
            timestep: its number, from 0 on.
        """

    @_no_op
    def on_timestep_end(self, timestep: int) -> None:
        """Called after each time step.

        Args:
            timestep: its number, from 0 on.
        """

    @_no_op
    def on_exception(self, error: BaseException) -> None:
        """Called if an error, or Ctrl-C, ends what runs; it is raised after that.

        It takes the place of `on_train_end`, `on_test_end` and `on_epoch_end`, which
        are then not called.

        Args:
            error: the error.
        """

    @_no_op
    def get_data(self) -> tuple[Any, Any] | None:
        """What the callback collected, as (key, data); None for nothing."""
        return None

    def spikes(self) -> tuple[str, ...]:
        """Populations whose spikes the engine records for it."""
        return ()

    def records(self) -> tuple[Record, ...]:
        """Variables that the engine records for it."""
        return ()

    @_no_op
    def on_recorded(self, batch: int, result: RunResult) -> None:
        """Called after each batch with what the engine recorded.

        Args:
            batch: its number in the epoch.
            result: results, and what `spikes` and `records` asked for.
        """


def overrides(callback: Any, hook: str) -> bool:
    """Whether a callback does anything in a hook."""
    method = getattr(callback, hook, None)
    return method is not None and not getattr(method, "_no_op", False)
