"""Lists of callbacks as users pass them: copies, and callbacks in the wrong list."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from ml_genn.backends import stacklevel_of_user
from ml_genn.callbacks import BatchProgressBar, Callback
from ml_genn.callbacks.callback import overrides
from ml_genn.callbacks.callback_list import CallbackList
from ml_genn.callbacks.progress import SILENT, Display, RunProgress, display_for
from ml_genn.communicators.communicator import is_first
from ml_genn.errors import TrainingWarning, ValidationError
from ml_genn.utils.checks import items
from ml_genn.utils.copies import independent_copy

Callbacks: TypeAlias = Sequence[Callback | str] | None

#: hooks that evaluation and prediction call
_OF_EVALUATION = (
    "on_test_begin",
    "on_test_end",
    "on_batch_begin",
    "on_batch_end",
    "on_timestep_begin",
    "on_timestep_end",
    "on_recorded",
)
#: hooks that only training calls
_OF_TRAINING = (
    "on_train_begin",
    "on_train_end",
    "on_epoch_begin",
    "on_epoch_end",
    "on_epoch_logs",
    "on_diverged",
)


def callbacks_for(
    network: Any,
    callbacks: Callbacks,
    own: Sequence[Callback] = (),
    *,
    progress: RunProgress,
    **params: Any,
) -> CallbackList:
    """Returns callbacks that have received their parameters, and a progress bar.

    Args:
        network: compiled network, the parameter ``compiled_network``.
        callbacks: callbacks or their names; None for none.
        own: callbacks of the compiler, called after those.
        progress: what the bar shows. If it is nothing there is no bar.
        **params: other arguments of `Callback.set_params`.
    """
    listed: Any = () if callbacks is None else callbacks
    if _is_list(listed):
        listed = [*items("Callbacks", listed), *own]
        if progress.shows and not any(map(_is_bar, listed)):
            listed.append(BatchProgressBar())
    return CallbackList(listed, compiled_network=network, progress=progress, **params)


def read_once(callbacks: Callbacks) -> Callbacks:
    """Returns the callbacks of an iterable as a list; anything else as it is.

    Iterators have items only once, and callbacks are read several times.
    """
    return items("Callbacks", callbacks) if _is_list(callbacks) else callbacks


def display_of(where: str, verbose: Any, callbacks: Any, network: Any) -> Display:
    """Returns the display of a run's progress; one that is silent in other processes.

    Args:
        where: name of the method.
        verbose: its argument ``verbose``. "auto" shows nothing if the list of callbacks
            is empty, as in mlGeNN.
        callbacks: its argument ``callbacks``.
        network: the compiled network.

    Raises:
        ValidationError: if ``verbose`` is not valid.
    """
    empty = isinstance(callbacks, Sequence) and not callbacks
    display = display_for(f"{where}: verbose", verbose, shows=not empty)
    return display if is_first(network.communicator) else SILENT


def _is_bar(callback: Any) -> bool:
    if isinstance(callback, str):
        return callback == "batch_progress_bar"
    return isinstance(callback, BatchProgressBar)


def warn_of_uncalled(callbacks: CallbackList) -> None:
    """Warns of callbacks of training in an evaluation, which never calls them."""
    for callback in callbacks:
        called = any(overrides(callback, hook) for hook in _OF_EVALUATION)
        if not called and any(overrides(callback, hook) for hook in _OF_TRAINING):
            warnings.warn(
                f"{callback!r} has no effect here: its hooks are called in training "
                "only. Leave it out, or pass it to train.",
                TrainingWarning,
                stacklevel=stacklevel_of_user(),
            )


def warn_of_no_validation() -> None:
    """Warns of callbacks of validation in a training without validation."""
    warnings.warn(
        "train: validation_callbacks have no effect without validation data. Give "
        "validation_split or validation_data=(x, y).",
        TrainingWarning,
        stacklevel=stacklevel_of_user(),
    )


def of_validation(callbacks: Callbacks, validation: Callbacks) -> Callbacks:
    """Returns callbacks of validation that share nothing with those of training.

    A callback in both lists is copied if it returns data. Callbacks of ml_genn that
    work on the logs or batches of training are called once, in the list of training.

    Args:
        callbacks: callbacks of training.
        validation: callbacks of validation.

    Raises:
        ValidationError: if a callback belongs to callbacks of training, or is in both
            lists and its data would be lost with a copy.
    """
    if not _is_list(validation):
        return validation
    listed: Any = callbacks if _is_list(callbacks) else ()
    shared = {id(c) for c in listed if isinstance(c, Callback)}
    of_both: Any = validation
    return [_copied(c) if id(c) in shared else _checked(c) for c in of_both]


def _is_list(callbacks: Any) -> bool:
    return isinstance(callbacks, Iterable) and not isinstance(callbacks, str | Callback)


def _checked(callback: Callback | str) -> Callback | str:
    if isinstance(callback, Callback) and callback.for_training_only:
        raise ValidationError(
            f"train: {callback!r} acts on training. Put it into callbacks, not into "
            "validation_callbacks."
        )
    return callback


def _copied(callback: Callback) -> Callback:
    """Returns the callback of validation for one that is in both lists."""
    if overrides(callback, "get_data") and not callback.for_training_only:
        return independent_copy(callback)
    if type(callback).__module__.split(".")[0] != __name__.split(".")[0]:
        raise ValidationError(
            f"train: {callback!r} is in callbacks and in validation_callbacks, and "
            "would mix both. Make one for each."
        )
    in_training = callback.for_training_only or overrides(callback, "on_epoch_logs")
    # a placeholder, so that the others keep their index
    return Callback() if in_training else independent_copy(callback)
