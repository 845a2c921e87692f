"""Callbacks that change the network while it runs."""

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
        func: given the epoch and the value so far, the new value.
    """

    def __init__(self, param_name: str, func: Callable[[int, Any], Any]) -> None:
        self._name = text("OptimiserParamSchedule: param_name", param_name)
        self._function = function("OptimiserParamSchedule: func", func)

    def set_params(self, **kwargs: Any) -> None:
        """Refuses a parameter that an optimiser does not have."""
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
    """Calls one of the network's custom updates."""

    def __init__(
        self, name: str, filter_fn: Callable[[int], bool] | None = None
    ) -> None:
        own = type(self).__name__
        self._name = text(f"{own}: name", name)
        if filter_fn is not None:
            function(f"{own}: filter_fn", filter_fn)
        self._filter = filter_fn

    def set_params(self, **kwargs: Any) -> None:
        """Refuses a name that the network does not know."""
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
        filter_fn: given the number of the batch, whether it is called; None
            (default) for always.
    """

    def on_batch_begin(self, batch: int) -> None:
        """Calls it."""
        self._run(batch)


class CustomUpdateOnBatchEnd(_CustomUpdate):
    """Calls a custom update after each batch.

    Args:
        name: key in ``compiled_network.custom_updates``.
        filter_fn: given the number of the batch, whether it is called; None
            (default) for always.
    """

    def on_batch_end(self, batch: int, metrics: Mapping[Any, Any]) -> None:
        """Calls it."""
        self._run(batch)


class CustomUpdateOnEpochBegin(_CustomUpdate):
    """Calls a custom update before each epoch.

    Args:
        name: key in ``compiled_network.custom_updates``.
        filter_fn: given the number of the epoch, whether it is called; None
            (default) for always.
    """

    def on_epoch_begin(self, epoch: int) -> None:
        """Calls it."""
        self._run(epoch)


class CustomUpdateOnEpochEnd(_CustomUpdate):
    """Calls a custom update after each epoch.

    Args:
        name: key in ``compiled_network.custom_updates``.
        filter_fn: given the number of the epoch, whether it is called; None
            (default) for always.
    """

    def on_epoch_end(self, epoch: int, metrics: Mapping[Any, Any]) -> None:
        """Calls it."""
        self._run(epoch)


class CustomUpdateOnTimestepBegin(_CustomUpdate):
    """Calls a custom update before each time step, which then run one by one.

    Args:
        name: key in ``compiled_network.custom_updates``.
        filter_fn: given the number of the time step, whether it is called; None
            (default) for always.
    """

    def on_timestep_begin(self, timestep: int) -> None:
        """Calls it."""
        self._run(timestep)


class CustomUpdateOnTimestepEnd(_CustomUpdate):
    """Calls a custom update after each time step, which then run one by one.

    Args:
        name: key in ``compiled_network.custom_updates``.
        filter_fn: given the number of the time step, whether it is called; None
            (default) for always.
    """

    def on_timestep_end(self, timestep: int) -> None:
        """Calls it."""
        self._run(timestep)
