"""Base of serialisers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

import numpy as np

from ml_genn.errors import UnsupportedError, ValidationError
from ml_genn.model.snapshot import Snapshot
from ml_genn.serialisers.manifest import manifest_text, read_manifest
from ml_genn.utils.checks import shown

Keys = tuple[Any, ...]
MANIFEST = "checkpoint"  #: last key of a snapshot's manifest, which is written last


class Serialiser(ABC):
    """Writes and reads arrays by keys, and snapshots as arrays with a manifest.

    The manifest has the size and checksum of every array. It is written last, so a
    snapshot with a manifest is complete.
    """

    @abstractmethod
    def serialise(self, keys: Keys, data: Any) -> None:
        """Writes an array.

        Args:
            keys: values that are turned into text.
            data: the array.
        """

    @abstractmethod
    def deserialise(self, keys: Keys) -> np.ndarray:
        """Reads an array.

        Args:
            keys: as for `serialise`.

        Raises:
            CheckpointError: if the array is missing, or cannot be read.
        """

    @abstractmethod
    def deserialise_all(self, keys: Keys) -> dict[str, np.ndarray]:
        """Reads all arrays whose keys start with ``keys``.

        Args:
            keys: as for `serialise`.

        Returns:
            Arrays by the rest of their keys, joined by "-".
        """

    def epochs(self) -> list[int]:
        """Returns the numbers of the stored snapshots, in ascending order.

        Raises:
            UnsupportedError: if the serialiser cannot list them.
        """
        raise UnsupportedError(
            f"{type(self).__name__}: it cannot list what was saved. Give keys."
        )

    def remove(self, keys: Keys) -> None:
        """Deletes a snapshot.

        Args:
            keys: keys of the snapshot.

        Raises:
            UnsupportedError: if the serialiser cannot delete it.
            FileError: if a file cannot be deleted.
        """
        raise UnsupportedError(
            f"{type(self).__name__}: it cannot delete what was saved. Use Numpy or "
            "Safetensors."
        )

    def has_snapshot(self, keys: Keys) -> bool:
        """True if a snapshot is stored, and not only arrays of other programs.

        Args:
            keys: keys of the snapshot.
        """
        return True

    def save(self, keys: Keys, snapshot: Snapshot) -> None:
        """Writes a snapshot, its manifest last.

        Args:
            keys: keys of the snapshot, for example ``(epoch,)``.
            snapshot: arrays and info.
        """
        for key, array in snapshot.arrays.items():
            self.serialise((*keys, *key), array.reshape(-1))
        text = manifest_text(snapshot).encode()
        self.serialise((*keys, MANIFEST), np.frombuffer(text, dtype=np.uint8))

    def load(self, keys: Keys) -> Snapshot:
        """Reads a snapshot.

        Args:
            keys: keys of the snapshot.

        Raises:
            CheckpointError: if the snapshot is missing or not complete.
        """
        text = self.deserialise((*keys, MANIFEST)).tobytes()
        manifest = read_manifest(text, self.shown(keys))
        return manifest.snapshot(
            {key: self.deserialise((*keys, *key)) for key in manifest.arrays}
        )

    def shown(self, keys: Keys) -> str:
        """Returns the name of a snapshot in messages.

        Args:
            keys: keys of the snapshot.
        """
        return f"{self!r}, '{'-'.join(map(str, keys))}'"


def load_snapshot(
    serialiser: Serialiser, keys: Keys, owners: Iterable[str]
) -> Snapshot:
    """Returns a snapshot, or arrays that mlGeNN saved under the same keys.

    Args:
        serialiser: serialiser that reads them.
        keys: keys of the snapshot.
        owners: names of populations and connections.

    Raises:
        CheckpointError: if an array cannot be read.
    """
    if serialiser.has_snapshot(keys):
        return serialiser.load(keys)
    return Snapshot(
        {
            (owner, name): array
            for owner in owners
            for name, array in serialiser.deserialise_all((*keys, owner)).items()
        }
    )


def as_keys(keys: Any) -> Keys:
    """Returns keys as a tuple.

    Args:
        keys: a sequence of keys, or a single one.

    Raises:
        ValidationError: if a key cannot be turned into text.
    """
    result = tuple(keys) if isinstance(keys, tuple | list) else (keys,)
    for key in result:
        try:
            str(key)
        except Exception:  # of the key's class, or an int of 5,000 digits
            raise ValidationError(
                f"Keys are text or numbers. Received {shown(key)}."
            ) from None
    return result


def is_epoch(name: str) -> bool:
    """True if a name in a file system is the number of an epoch.

    Args:
        name: the name.
    """
    return name.isascii() and name.isdecimal()
