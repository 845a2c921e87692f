"""Manifest of a snapshot: its info, and shape, type and checksum of every array."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_genn.errors import CheckpointError
from ml_genn.model.snapshot import Key, Snapshot, key_text

FORMAT = 1  #: version of the format


@dataclass(frozen=True, slots=True)
class ArrayEntry:
    """Expected properties of an array.

    Args:
        shape: its shape.
        dtype: its type, as `numpy.dtype.str`.
        checksum: CRC-32 of its bytes.
    """

    shape: tuple[int, ...]
    dtype: str
    checksum: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """Info of a snapshot, and the expected properties of its arrays.

    Args:
        where: start of error messages.
        info: the snapshot's info.
        arrays: {key: expected properties}.
    """

    where: str
    info: Mapping[str, Any]
    arrays: Mapping[Key, ArrayEntry]

    def snapshot(self, arrays: Mapping[Key, np.ndarray]) -> Snapshot:
        """Returns the snapshot with arrays that were read from files.

        Args:
            arrays: {key: array}, of any shape with the right number of elements.

        Raises:
            CheckpointError: if an array is missing or differs from the saved one.
        """
        checked = {key: self._checked(key, arrays.get(key)) for key in self.arrays}
        return Snapshot(checked, self.info)

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


def manifest_text(snapshot: Snapshot) -> str:
    """Returns the manifest of a snapshot as JSON."""
    arrays = [
        [*key, list(a.shape), a.dtype.str, _checksum(a)]
        for key, a in snapshot.arrays.items()
    ]
    return json.dumps({"format": FORMAT, "arrays": arrays, "info": dict(snapshot.info)})


def _checksum(array: np.ndarray) -> int:
    return zlib.crc32(np.ascontiguousarray(array).tobytes())


def read_manifest(text: str | bytes, where: str) -> Manifest:
    """Returns a manifest from its JSON text.

    Args:
        text: result of `manifest_text`.
        where: start of error messages.

    Raises:
        CheckpointError: if the text is no manifest, or of another version.
    """
    try:
        content = json.loads(text)
        version, info = content["format"], content["info"]
        arrays = {
            (owner, name): ArrayEntry(tuple(shape), dtype, checksum)
            for owner, name, shape, dtype, checksum in content["arrays"]
        }
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{where}: its manifest cannot be read ({error}). Use another one."
        ) from None
    if version != FORMAT:
        raise CheckpointError(
            f"{where}: it has format {version}; this version of ml_genn reads format "
            f"{FORMAT}."
        )
    return Manifest(where, info, arrays)
