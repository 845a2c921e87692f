"""Manifest of a snapshot: its info, and shape, type and checksum of every array."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_genn.errors import CheckpointError, UnsupportedError
from ml_genn.model.snapshot import Key, Snapshot, key_text
from ml_genn.utils.records import (
    NUMBERS,
    Count,
    check_plain,
    parse_json,
    record_of,
)

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
class ManifestRecord:
    """Schema of a manifest.

    Args:
        format: version of the format.
        arrays: (owner, name, shape, type, checksum) of each array.
        info: the snapshot's info.
        checksum: CRC-32 of arrays and info as JSON; None (default) in files of earlier
            versions.
    """

    format: int
    arrays: tuple[tuple[str, str, tuple[Count, ...], str, Count], ...]
    info: Mapping[str, Any]
    checksum: Count | None = None


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
        same = array.dtype.str == entry.dtype and array.size == math.prod(entry.shape)
        is_number = array.dtype.kind in NUMBERS
        if not (same and is_number) or _checksum(array) != entry.checksum:
            raise CheckpointError(
                f"{self.where}: array '{key_text(key)}' is not the one that was saved: "
                "the file was damaged, or saving was interrupted. Use another one."
            )
        return array.reshape(entry.shape)


def manifest_text(snapshot: Snapshot) -> str:
    """Returns the manifest of a snapshot as JSON.

    Raises:
        UnsupportedError: if the info cannot be written as JSON.
    """
    arrays = [
        [*key, list(a.shape), a.dtype.str, _checksum(a)]
        for key, a in snapshot.arrays.items()
    ]
    info = dict(snapshot.info)
    try:
        check_plain(info, "Info")
    except CheckpointError as error:
        raise UnsupportedError(f"{error} Such data cannot be saved.") from None
    record = {"format": FORMAT, "arrays": arrays, "info": info}
    return json.dumps({**record, "checksum": _content_checksum(arrays, info)})


def _checksum(array: np.ndarray) -> int:
    return zlib.crc32(np.ascontiguousarray(array).tobytes())


def _content_checksum(arrays: Any, info: Any) -> int:
    return zlib.crc32(json.dumps([arrays, info], sort_keys=True).encode())


def read_manifest(text: str | bytes, where: str) -> Manifest:
    """Returns a manifest from its JSON text.

    Args:
        text: result of `manifest_text`.
        where: start of error messages.

    Raises:
        CheckpointError: if the text is no manifest, damaged, or of another version.
    """
    plain = parse_json(text, f"{where}: manifest")
    version = plain.get("format") if isinstance(plain, Mapping) else None
    if isinstance(version, int) and version != FORMAT:
        raise CheckpointError(
            f"{where}: it has format {version}; this version of ml_genn reads format "
            f"{FORMAT}."
        )
    record = record_of(ManifestRecord, plain, f"{where}: manifest")
    content = _content_checksum(plain["arrays"], plain["info"])
    if record.checksum is not None and record.checksum != content:
        raise CheckpointError(
            f"{where}: its manifest is not the one that was saved: the file was "
            "damaged. Use another one."
        )
    arrays = {
        (owner, name): ArrayEntry(shape, dtype, checksum)
        for owner, name, shape, dtype, checksum in record.arrays
    }
    return Manifest(where, record.info, arrays)
