"""Callback that saves checkpoints during training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_genn.callbacks.callback import Callback
from ml_genn.serialisers import Serialiser, get_serialiser
from ml_genn.utils.checks import whole


class Checkpoint(Callback):
    """Saves a checkpoint at the end of epochs, from which training can continue.

    Args:
        serialiser: a serialiser or its name, "numpy" by default; its key is the epoch.
        epoch_interval: epochs from one checkpoint to the next, 1 by default: those with
            a number divisible by it are saved.
    """

    first_process_only = True

    def __init__(
        self, serialiser: Serialiser | str = "numpy", epoch_interval: int = 1
    ) -> None:
        self.serialiser = get_serialiser(serialiser)
        self.epoch_interval = whole("Checkpoint: epoch_interval", epoch_interval)
        self._network: Any = None

    def set_params(self, **kwargs: Any) -> None:
        """Stores the network."""
        self._network = kwargs["compiled_network"]

    def on_epoch_logs(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Saves the network, after validation has drawn its random numbers."""
        if epoch % self.epoch_interval == 0:
            self._network.save((epoch,), self.serialiser)

    def __repr__(self) -> str:
        return f"Checkpoint({self.serialiser!r}, {self.epoch_interval!r})"
