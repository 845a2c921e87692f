"""Callbacks that change optimisers or call custom updates of the network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ml_genn.callbacks.callback import Callback
from ml_genn.errors import ValidationError, unknown_name
from ml_genn.utils.checks import function, text


class OptimiserParamSchedule(Callback):
    """Sets a parameter of every optimiser of the network before each epoch.

    Args:
        param_name: the parameter, for example "alpha".
        func: returns the new value from the epoch and the current value.
    """

    for_training_only = True

    def __init__(self, param_name: str, func: Callable[[int, Any], Any]) -> None:
        self._name = text("OptimiserParamSchedule: param_name", param_name)
        self._function = function("OptimiserParamSchedule: func", func)

    def set_params(self, **kwargs: Any) -> None:
        """Stores the optimisers.

        Raises:
            UnknownNameError: if an optimiser has no such parameter.
            ValidationError: if the network is not trained.
        """
        self._optimisers = [o for o, _ in kwargs["compiled_network"].optimisers]
        if not self._optimisers:
            raise ValidationError(
                "OptimiserParamSchedule: this network has no optimiser; it belongs to "
                "callbacks of training."
            )
        for optimiser in self._optimisers:
            known = [name for name in vars(optimiser) if not name.startswith("_")]
            if self._name not in known:
                where = repr(optimiser)
                raise unknown_name("parameter", self._name, known, where=where)

    def on_epoch_begin(self, epoch: int) -> None:
        """Sets the parameter."""
        for optimiser in self._optimisers:
            value = self._function(epoch, getattr(optimiser, self._name))
            setattr(optimiser, self._name, value)

    def __repr__(self) -> str:
        return f"OptimiserParamSchedule({self._name!r}, {self._function!r})"


class _CustomUpdate(Callback):
    """Base of callbacks that call a custom update of the network."""

    def __init__(
        self, name: str, filter_fn: Callable[[int], bool] | None = None
    ) -> None:
        where = type(self).__name__
        self._name = text(f"{where}: name", name)
        if filter_fn is not None:
            function(f"{where}: filter_fn", filter_fn)
        self._filter = filter_fn

    def set_params(self, **kwargs: Any) -> None:
        """Stores the network.

        Raises:
            UnknownNameError: if it has no custom update of that name.
        """
        self._network = kwargs["compiled_network"]
        self._network.check_custom_update(self._name)

    def _run(self, number: int) -> None:
        if self._filter is None or self._filter(number):
            self._network.custom_update(self._name)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._name!r}, {self._filter!r})"


class CustomUpdateOnBatchBegin(_CustomUpdate):
    """Calls a custom update before each batch.

    Args:
        name: key in ``compiled_network.custom_updates``.
        filter_fn: returns True for numbers of batches with a call; None (default) for
            all of them.
    """

    def on_batch_begin(self, batch: int) -> None:
        """Calls the custom update."""
        self._run(batch)


class CustomUpdateOnBatchEnd(_CustomUpdate):
    """Calls a custom update after each batch.

    Args:
        name: key in ``compiled_network.custom_updates``.
        filter_fn: returns True for numbers of batches with a call; None (default) for
            all of them.
    """

    def on_batch_end(self, batch: int, metrics: Mapping[Any, Any]) -> None:
        """Calls the custom update."""
        self._run(batch)


class CustomUpdateOnEpochBegin(_CustomUpdate):
    """Calls a custom update before each epoch.

    Args:
        name: key in ``compiled_network.custom_updates``.
        filter_fn: returns True for numbers of epochs with a call; None (default) for
            all of them.
    """

    def on_epoch_begin(self, epoch: int) -> None:
        """Calls the custom update."""
        self._run(epoch)


class CustomUpdateOnEpochEnd(_CustomUpdate):
    """Calls a custom update after each epoch.

    Args:
        name: key in ``compiled_network.custom_updates``.
        filter_fn: returns True for numbers of epochs with a call; None (default) for
            all of them.
    """

    def on_epoch_end(self, epoch: int, metrics: Mapping[Any, Any]) -> None:
        """Calls the custom update."""
        self._run(epoch)


class CustomUpdateOnTimestepBegin(_CustomUpdate):
    """Calls a custom update before each time step, which then run one by one.

    Args:
        name: key in ``compiled_network.custom_updates``.
        filter_fn: returns True for numbers of time steps with a call; None (default)
            for all of them.
    """

    def on_timestep_begin(self, timestep: int) -> None:
        """Calls the custom update."""
        self._run(timestep)


class CustomUpdateOnTimestepEnd(_CustomUpdate):
    """Calls a custom update after each time step, which then run one by one.

    Args:
        name: key in ``compiled_network.custom_updates``.
        filter_fn: returns True for numbers of time steps with a call; None (default)
            for all of them.
    """

    def on_timestep_end(self, timestep: int) -> None:
        """Calls the custom update."""
        self._run(timestep)
