"""The record of a snapshot: facts, and size and checksum of every array."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_genn.errors import CheckpointError
from ml_genn.model.snapshot import Key, Snapshot, key_text

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """What an array has to be: its shape, type and checksum."""

    shape: tuple[int, ...]
    dtype: str
    checksum: int


@dataclass(frozen=True, slots=True)
class Record:
    """Facts of a snapshot, and what its arrays have to be.

    Args:
        where: what errors name.
        info: facts.
        arrays: {key: what the array has to be}.
    """

    where: str
    info: Mapping[str, Any]
    arrays: Mapping[Key, Entry]

    def snapshot(self, found: Mapping[Key, np.ndarray]) -> Snapshot:
        """The snapshot, from the arrays that were read.

        Raises:
            CheckpointError: if one is missing or is not the one that was saved.
        """
        arrays = {key: self._checked(key, found.get(key)) for key in self.arrays}
        return Snapshot(arrays, self.info)

    def _checked(self, key: Key, array: np.ndarray | None) -> np.ndarray:
        entry = self.arrays[key]
        if array is None:
            raise CheckpointError(f"{self.where}: array '{key_text(key)}' is missing.")
        same = array.dtype.str == entry.dtype and array.size == np.prod(entry.shape)
        if not same or _checksum(array) != entry.checksum:
            raise CheckpointError(
                f"{self.where}: array '{key_text(key)}' is not the one that was saved: "
                "the file was damaged, or saving was interrupted. Use another one."
            )
        return array.reshape(entry.shape)


def record_of(snapshot: Snapshot) -> str:
    """The record of a snapshot as text."""
    arrays = [
        [*key, list(a.shape), a.dtype.str, _checksum(a)]
        for key, a in snapshot.arrays.items()
    ]
    return json.dumps({"format": FORMAT, "arrays": arrays, "info": dict(snapshot.info)})


def _checksum(array: np.ndarray) -> int:
    return zlib.crc32(np.ascontiguousarray(array).tobytes())


def read_record(text: str | bytes, where: str) -> Record:
    """A record from its text.

    Raises:
        CheckpointError: if it is none, or from a later version.
    """
    try:
        found = json.loads(text)
        number, info = found["format"], found["info"]
        arrays = {
            (owner, name): Entry(tuple(shape), dtype, checksum)
            for owner, name, shape, dtype, checksum in found["arrays"]
        }
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{where}: its record cannot be read ({error}). Use another one."
        ) from None
    if number != FORMAT:
        raise CheckpointError(
            f"{where}: it has format {number}; this version of ml_genn reads format "
            f"{FORMAT}."
        )
    return Record(where, info, arrays)
