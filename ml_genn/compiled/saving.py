"""Saving compiled networks, and going back to what was saved."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ml_genn.communicators.communicator import is_first
from ml_genn.compiled.checkpoint import restore, snapshot_of
from ml_genn.compiled.configuration import compiled_model
from ml_genn.compiled.values import NetworkValues
from ml_genn.model.snapshot import SOURCES, TARGETS, Snapshot
from ml_genn.serialisers import Serialiser, as_keys, get_serialiser
from ml_genn.serialisers.safetensors import write_file
from ml_genn.utils.interrupts import uninterrupted


class SavedNetwork(NetworkValues):
    """A network that can be saved."""

    def snapshot(self) -> Snapshot:
        """All that the network is at the moment, as arrays and facts."""
        return snapshot_of(self.model, self._lowered, self._progress())

    def restore(self, snapshot: Snapshot) -> None:
        """Goes back to a snapshot.

        Raises:
            CheckpointError: if it does not fit, by the name of what does not; nothing
                has changed then.
        """
        set_progress = self._checked_progress(snapshot)
        with uninterrupted():
            restore(self.model, self._lowered, snapshot)
            set_progress()

    def save(self, keys: Any = (), serialiser: Serialiser | str = "numpy") -> None:
        """Saves weights, delays, synapses and all that training needs to go on.

        Args:
            keys: names what is saved, for example ``(epoch,)``.
            serialiser: a serialiser or its name, "numpy" by default.
        """
        with uninterrupted():
            if self._writes:
                get_serialiser(serialiser).save(as_keys(keys), self.snapshot())

    def save_connectivity(
        self, keys: Any = (), serialiser: Serialiser | str = "numpy"
    ) -> None:
        """Saves which neurons sparse connections connect; `save` does so, too.

        Args:
            keys, serialiser: as for `save`.
        """
        found = get_serialiser(serialiser)
        for key, array in self.snapshot().arrays.items():
            if key[1] in (SOURCES, TARGETS):
                found.serialise((*as_keys(keys), *key), array)

    def load(self, keys: Any = (), serialiser: Serialiser | str = "numpy") -> None:
        """Goes back to what was saved.

        Args:
            keys, serialiser: as for `save`.

        Raises:
            CheckpointError: if it is missing, damaged or does not fit, by the name of
                what does not; nothing has changed then.
        """
        if self.communicator is not None:
            self.communicator.barrier()  # so that the first process has written it
        self.restore(get_serialiser(serialiser).load(as_keys(keys)))

    def save_model(self, path: str | Path, **info: Any) -> None:
        """Saves the network, how it was compiled and all that it is at the moment.

        Args:
            path: a file, from which `ml_genn.load_model` makes it without the script.
            **info: facts that are kept with it, as JSON.

        Raises:
            UnsupportedError: if something cannot be saved, such as a lambda.
        """
        if self._writes:
            write_file(
                Path(path), compiled_model(self, self._settings.compile_config, info)
            )

    @property
    def _writes(self) -> bool:
        """Whether this process writes files: the first of several does."""
        return is_first(self.communicator)

    def _progress(self) -> Any:
        """How far training is; None where nothing is trained."""
        return None

    def _checked_progress(self, snapshot: Snapshot) -> Callable[[], None]:
        """What puts back how far training was."""
        return lambda: None
