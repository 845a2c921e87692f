"""Arrays as NumPy files with the names that mlGeNN uses."""

from __future__ import annotations

import io
from contextlib import suppress
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np

from ml_genn.errors import CheckpointError, UnsupportedError
from ml_genn.model.snapshot import Snapshot
from ml_genn.serialisers.manifest import read_manifest
from ml_genn.serialisers.npy_format import read_npy
from ml_genn.serialisers.serialiser import MANIFEST, Keys, Serialiser, is_epoch
from ml_genn.utils.checks import file_path
from ml_genn.utils.files import (
    delete,
    file_name,
    file_name_part,
    read_bytes,
    stem_of,
    write_atomically,
)
from ml_genn.utils.files.groups import finish_replacing, replaced_together
from ml_genn.utils.records import NUMBERS


class Numpy(Serialiser):
    """One file per array, ``<keys joined by "-">.npy``.

    Args:
        path: folder, created when the first array is written; "." (default) is
            the current one.
    """

    def __init__(self, path: str | Path = ".") -> None:
        self.path = file_path("Numpy: path", path)

    def serialise(self, keys: Keys, data: Any) -> None:
        """Writes an array."""
        array = np.asarray(data)
        if array.dtype.kind not in NUMBERS:
            raise UnsupportedError(
                f"{self!r}: an array of type {array.dtype} cannot be saved. Arrays "
                "consist of booleans, integers or floats."
            )
        content = io.BytesIO()
        np.save(content, array, allow_pickle=False)
        write_atomically(self._file(keys), content.getvalue())

    def save(self, keys: Keys, snapshot: Snapshot) -> None:
        """Writes a snapshot, which replaces one of the same keys as a whole."""
        with replaced_together(self.path, file_name(keys, "")) as scratch:
            there = copy(self)
            there.path = scratch
            Serialiser.save(there, keys, snapshot)

    def load(self, keys: Keys) -> Snapshot:
        """Reads a snapshot."""
        finish_replacing(self.path)
        return super().load(keys)

    def deserialise(self, keys: Keys) -> np.ndarray:
        """Reads an array."""
        path = self._file(keys)
        return read_npy(read_bytes(path), f"File '{path}'")

    def deserialise_all(self, keys: Keys) -> dict[str, np.ndarray]:
        """Reads all arrays whose keys start with ``keys``."""
        start = "".join(f"{file_name_part(key)}-" for key in keys)
        names = [stem_of(p) for p in sorted(self.path.glob("*.npy"))]
        rests = [n[len(start) :] for n in names if n.startswith(start)]
        return {rest: self.deserialise((*keys, rest)) for rest in rests}

    def epochs(self) -> list[int]:
        """Returns the numbers of the stored snapshots, in ascending order."""
        finish_replacing(self.path)
        texts = [p.stem.split("-")[0] for p in self.path.glob(f"*-{MANIFEST}.npy")]
        return sorted(int(text) for text in texts if is_epoch(text))

    def remove(self, keys: Keys) -> None:
        """Deletes a snapshot, first the manifest that makes it complete.

        Arrays of a damaged manifest, which are not known, stay.
        """
        finish_replacing(self.path)
        with suppress(CheckpointError):
            text = self.deserialise((*keys, MANIFEST)).tobytes()
            delete(self._file((*keys, MANIFEST)))
            for key in read_manifest(text, self.shown(keys)).arrays:
                delete(self._file((*keys, *key)))

    def has_snapshot(self, keys: Keys) -> bool:
        """True if a snapshot is stored under ``keys``."""
        finish_replacing(self.path)
        return self._file((*keys, MANIFEST)).exists()

    def _file(self, keys: Keys) -> Path:
        return self.path / file_name(keys, ".npy")

    def __repr__(self) -> str:
        return f"Numpy({str(self.path)!r})"
