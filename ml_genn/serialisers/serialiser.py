"""Base of serialisers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

import numpy as np

from ml_genn.errors import UnsupportedError
from ml_genn.model.snapshot import Snapshot
from ml_genn.serialisers.record import read_record, record_of

Keys = tuple[Any, ...]
RECORD = "checkpoint"  #: last key of what is written last, when all else is there


class Serialiser(ABC):
    """Writes and reads arrays by keys, and snapshots as arrays with a record of them.

    A snapshot is whole once its record is there, which is written last and knows size
    and checksum of every array.
    """

    @abstractmethod
    def serialise(self, keys: Keys, data: Any) -> None:
        """Writes an array.

        Args:
            keys: anything that can be turned into text.
            data: the array.
        """

    @abstractmethod
    def deserialise(self, keys: Keys) -> np.ndarray:
        """Reads an array.

        Args:
            keys: as for `serialise`.

        Raises:
            CheckpointError: if there is none, or it cannot be read.
        """

    @abstractmethod
    def deserialise_all(self, keys: Keys) -> dict[str, np.ndarray]:
        """Reads the arrays whose keys start with these: {rest of the keys: array}."""

    def epochs(self) -> list[int]:
        """Numbers of the snapshots that there are, ascending.

        Raises:
            UnsupportedError: if it cannot list them.
        """
        raise UnsupportedError(
            f"{type(self).__name__}: it cannot list what was saved. Give keys."
        )

    def holds(self, keys: Keys) -> bool:
        """Whether there is a snapshot, and not only arrays from elsewhere.

        Args:
            keys: what it was saved under.
        """
        return True

    def save(self, keys: Keys, snapshot: Snapshot) -> None:
        """Writes a snapshot, its record last.

        Args:
            keys: what it is saved under, for example ``(epoch,)``.
            snapshot: what is saved.
        """
        for key, array in snapshot.arrays.items():
            self.serialise((*keys, *key), array.reshape(-1))
        text = record_of(snapshot).encode()
        self.serialise((*keys, RECORD), np.frombuffer(text, dtype=np.uint8))

    def load(self, keys: Keys) -> Snapshot:
        """Reads a snapshot.

        Args:
            keys: what it was saved under.

        Raises:
            CheckpointError: if there is none, or it is not whole.
        """
        text = self.deserialise((*keys, RECORD)).tobytes()
        record = read_record(text, self._shown(keys))
        return record.snapshot(
            {key: self.deserialise((*keys, *key)) for key in record.arrays}
        )

    def _shown(self, keys: Keys) -> str:
        return f"{self!r}, '{'-'.join(map(str, keys))}'"


def arrays_at(serialiser: Serialiser, keys: Keys, owners: Iterable[str]) -> Snapshot:
    """A snapshot, or what other programs such as mlGeNN wrote for these owners.

    Args:
        serialiser: where it was saved.
        keys: what it was saved under.
        owners: names of populations and connections.

    Raises:
        CheckpointError: if an array cannot be read.
    """
    if serialiser.holds(keys):
        return serialiser.load(keys)
    return Snapshot(
        {
            (owner, name): array
            for owner in owners
            for name, array in serialiser.deserialise_all((*keys, owner)).items()
        }
    )


def as_keys(keys: Any) -> Keys:
    """Keys as a tuple.

    Args:
        keys: a sequence of keys, or a single one.
    """
    return tuple(keys) if isinstance(keys, tuple | list) else (keys,)
