"""Callbacks that save while a network learns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_genn.callbacks.callback import Callback
from ml_genn.serialisers import Serialiser, get_serialiser
from ml_genn.utils.checks import whole


class Checkpoint(Callback):
    """Saves at the end of epochs all that training needs to go on from there.

    Args:
        serialiser: a serialiser or its name, "numpy" by default; files are named by the
            epoch.
        epoch_interval: it saves in every epoch whose number is a multiple, 1 by
            default.
    """

    first_process_only = True

    def __init__(
        self, serialiser: Serialiser | str = "numpy", epoch_interval: int = 1
    ) -> None:
        self.serialiser = get_serialiser(serialiser)
        self.epoch_interval = whole("Checkpoint: epoch_interval", epoch_interval)
        self._network: Any = None

    def set_params(self, **kwargs: Any) -> None:
        """Notes which network it saves."""
        self._network = kwargs["compiled_network"]

    def on_epoch_end(self, epoch: int, metrics: Mapping[Any, Any]) -> None:
        """Saves."""
        if epoch % self.epoch_interval == 0:
            self._network.save((epoch,), self.serialiser)

    def __repr__(self) -> str:
        return f"Checkpoint({self.serialiser!r}, {self.epoch_interval!r})"
