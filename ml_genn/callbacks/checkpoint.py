"""Callback that saves checkpoints during training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_genn.callbacks.callback import Callback
from ml_genn.serialisers import AnySerialiser, get_serialiser
from ml_genn.utils.checks import whole


class Checkpoint(Callback):
    """Saves a checkpoint at the end of epochs, from which training can continue.

    Args:
        serialiser: a folder, in which each checkpoint is a file of `Safetensors`; a
            serialiser; or its name, "numpy" by default. The key of a checkpoint is the
            epoch.
        epoch_interval: epochs from one checkpoint to the next, 1 by default: those with
            a number divisible by it are saved.
        keep: number of checkpoints that stay: after each one, older ones are deleted
            until so many are left, those of earlier runs in the same folder included.
            None (default) deletes none.

    Raises:
        UnsupportedError: after an epoch, if ``keep`` is set and the serialiser cannot
            list or delete checkpoints.
    """

    first_process_only = True

    def __init__(
        self,
        serialiser: AnySerialiser = "numpy",
        epoch_interval: int = 1,
        keep: int | None = None,
    ) -> None:
        self.serialiser = get_serialiser(serialiser)
        self.epoch_interval = whole("Checkpoint: epoch_interval", epoch_interval)
        self.keep = None if keep is None else whole("Checkpoint: keep", keep)
        self._network: Any = None

    def set_params(self, **kwargs: Any) -> None:
        """Stores the network."""
        self._network = kwargs["compiled_network"]

    def on_epoch_logs(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Saves the network, after validation has drawn its random numbers."""
        if epoch % self.epoch_interval == 0:
            self._network.save((epoch,), self.serialiser)
            if self.keep is not None:
                self._delete_older(epoch, self.keep)

    def _delete_older(self, epoch: int, keep: int) -> None:
        """Deletes all but the latest checkpoints up to an epoch.

        Those of later epochs are of another run, which may have trained longer.
        """
        saved = [number for number in self.serialiser.epochs() if number <= epoch]
        for number in saved[:-keep]:
            self.serialiser.remove((number,))

    def __repr__(self) -> str:
        keep = "" if self.keep is None else f", keep={self.keep}"
        return f"Checkpoint({self.serialiser!r}, {self.epoch_interval!r}{keep})"
