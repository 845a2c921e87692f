"""Base of callbacks; its docstrings describe all hooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ml_genn.graph.copying import RefersToNetwork
from ml_genn.model.batch import Record, RunResult
from ml_genn.model.engine_memory import HoldsEngine
from ml_genn.utils.synonyms import AnswersSynonyms


def _no_op(hook: Callable[..., Any]) -> Callable[..., Any]:
    """Marks a hook that does nothing, so that `overrides` can tell."""
    hook._no_op = True  # type: ignore[attr-defined]
    return hook


class Callback(AnswersSynonyms, RefersToNetwork):
    """Base of objects whose hooks are called while a network is trained or evaluated.

    Override any of the hooks. A callback that overrides a hook of time steps makes the
    network advance step by step in Python, which is slow; recorders do not. Set
    ``compiled_network.stop_training`` to True to end training after the batch.

    Attributes:
        key: key of its data in the result; None (default) for its index in the list of
            callbacks.
        for_training_only: True for a callback that acts on batches or epochs of
            training, which validation_callbacks refuse; False by default.
        first_process_only: True for a callback that prints or writes files, so that
            only the first of several processes calls it; False by default.
    """

    key: Any = None
    for_training_only: bool = False
    first_process_only: bool = False

    def __getstate__(self) -> dict[str, Any]:
        """State of copies, without the compiled network of the last run."""
        return {k: v for k, v in vars(self).items() if not isinstance(v, HoldsEngine)}

    @_no_op
    def set_params(self, **kwargs: Any) -> None:
        """Called first, with parameters of the run.

        Args:
            **kwargs: ``data`` (dictionary common to all callbacks),
                ``compiled_network``, ``num_batches`` (None if unknown), ``progress``
                (the `RunProgress`, whose ``message`` shows a line to the user) and, in
                training, ``num_epochs``, ``start_epoch``, ``validation`` (True for
                callbacks of validation) and ``log_names`` (the `LogNames` of losses
                and metrics).
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
            epoch: number of the epoch, from ``start_epoch`` on.
        """

    @_no_op
    def on_epoch_end(self, epoch: int, metrics: Mapping[Any, Any]) -> None:
        """Called after each epoch.

        Args:
            epoch: number of the epoch.
            metrics: {output: metric} over the epoch; ``metrics.loss`` is the mean loss.
        """

    @_no_op
    def on_epoch_logs(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Called after an epoch of training and its validation.

        Callbacks of validation that override it are also called at `on_train_begin` and
        `on_train_end`.

        Args:
            epoch: number of the epoch.
            logs: loss and metrics by name, those of validation with prefix ``val_``.
        """

    @_no_op
    def on_diverged(self, epoch: int, batch: int) -> None:
        """Called if numbers of a batch are not finite; parameters are not updated.

        ``compiled_network.divergence`` says which numbers. If no callback overrides it,
        training ends with a `DivergedError`.

        Args:
            epoch: number of the epoch.
            batch: number of the batch in the epoch.
        """

    @_no_op
    def on_batch_begin(self, batch: int) -> None:
        """Called before each batch.

        Args:
            batch: number of the batch in the epoch, from 0.
        """

    @_no_op
    def on_batch_end(self, batch: int, metrics: Mapping[Any, Any]) -> None:
        """Called after each batch.

        Callbacks of users may read the state of neurons here. For their sake, each
        example of the batch then has its own memory for state, which costs time.

        Args:
            batch: number of the batch in the epoch.
            metrics: {output: metric} over the epoch so far; ``metrics.loss`` is the
                mean loss.
        """

    @_no_op
    def on_timestep_begin(self, timestep: int) -> None:
        """Called before each time step.

        Args:
            timestep: number of the time step, from 0.
        """

    @_no_op
    def on_timestep_end(self, timestep: int) -> None:
        """Called after each time step.

        Args:
            timestep: number of the time step, from 0.
        """

    @_no_op
    def on_exception(self, error: BaseException) -> None:
        """Called if an error, or Ctrl-C, ends the run, before the error is raised.

        `on_train_end`, `on_test_end` and `on_epoch_end` are then not called.

        Args:
            error: the error.
        """

    @_no_op
    def get_data(self) -> tuple[Any, Any] | None:
        """Returns collected data as (key, data); None if there are none."""
        return None

    def recorded_spikes(self) -> tuple[str, ...]:
        """Returns names of the populations whose spikes the backend records."""
        return ()

    def recorded_variables(self) -> tuple[Record, ...]:
        """Returns the variables that the backend records."""
        return ()

    @_no_op
    def on_recorded(self, batch: int, result: RunResult) -> None:
        """Called after each batch with recorded spikes and variables.

        Args:
            batch: number of the batch in the epoch.
            result: results of the batch, with the recordings of `recorded_spikes` and
                `recorded_variables`.
        """


def overrides(callback: Any, hook: str) -> bool:
    """True if a callback overrides a hook.

    Args:
        callback: a callback, or any object with such hooks.
        hook: name of the hook.
    """
    method = getattr(callback, hook, None)
    return method is not None and not getattr(method, "_no_op", False)
