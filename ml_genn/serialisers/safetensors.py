"""Snapshots as single files in the safetensors format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ml_genn.errors import CheckpointError
from ml_genn.model.snapshot import Key, Snapshot, key_text
from ml_genn.serialisers.manifest import manifest_text, read_manifest
from ml_genn.serialisers.safetensors_format import decode, encode
from ml_genn.serialisers.serialiser import Keys, Serialiser, is_epoch
from ml_genn.utils.checks import file_path
from ml_genn.utils.files import (
    delete,
    file_name,
    file_name_part,
    read_bytes,
    stem_of,
    write_atomically,
)

METADATA = "ml_genn"  #: name of the manifest in the metadata of a file
ENDING = ".safetensors"
_SINGLE: Key = ("", "data")  #: key of an array that has a file of its own


class Safetensors(Serialiser):
    """One file per snapshot, ``<keys joined by "-">.safetensors``.

    Arrays are named ``<connection or population>/<name>``. The library safetensors
    reads the files as well; it is not needed.

    Args:
        path: folder, created when the first file is written; "." (default) is
            the current one.
    """

    def __init__(self, path: str | Path = ".") -> None:
        self.path = file_path("Safetensors: path", path)

    def save(self, keys: Keys, snapshot: Snapshot) -> None:
        """Writes a snapshot."""
        write_file(self._file(keys), snapshot)

    def load(self, keys: Keys) -> Snapshot:
        """Reads a snapshot."""
        return read_file(self._file(keys))

    def serialise(self, keys: Keys, data: Any) -> None:
        """Writes an array to a file of its own."""
        self.save(keys, Snapshot({_SINGLE: np.asarray(data)}))

    def deserialise(self, keys: Keys) -> np.ndarray:
        """Reads an array from a file of its own."""
        arrays = self.load(keys).arrays
        if _SINGLE not in arrays:
            raise CheckpointError(f"{self.shown(keys)}: it holds no single array.")
        return arrays[_SINGLE]

    def deserialise_all(self, keys: Keys) -> dict[str, np.ndarray]:
        """Reads all arrays whose keys start with ``keys``, each from its file."""
        start = "".join(f"{file_name_part(key)}-" for key in keys)
        names = [stem_of(p) for p in sorted(self.path.glob(f"*{ENDING}"))]
        rests = [n[len(start) :] for n in names if n.startswith(start)]
        return {rest: self.deserialise((*keys, rest)) for rest in rests}

    def epochs(self) -> list[int]:
        """Returns the numbers of the stored snapshots, in ascending order."""
        names = [p.stem for p in self.path.glob(f"*{ENDING}")]
        return sorted(int(name) for name in names if is_epoch(name))

    def remove(self, keys: Keys) -> None:
        """Deletes a snapshot."""
        delete(self._file(keys))

    def _file(self, keys: Keys) -> Path:
        return self.path / file_name(keys or ("checkpoint",), ENDING)

    def __repr__(self) -> str:
        return f"Safetensors({str(self.path)!r})"


def write_file(path: Path, snapshot: Snapshot) -> None:
    """Writes a snapshot to a file.

    Raises:
        UnsupportedError: if its info cannot be written as JSON, or an array has a type
            that files do not have.
        FileError: if the file cannot be written.
    """
    arrays = {key_text(k): a for k, a in snapshot.arrays.items()}
    write_atomically(path, encode(arrays, {METADATA: manifest_text(snapshot)}))


def read_file(path: Path) -> Snapshot:
    """Reads a snapshot from a file.

    Raises:
        CheckpointError: if there is no such file, or it is damaged.
    """
    where = f"File '{path}'"
    tensors, metadata = decode(read_bytes(path), where)
    if METADATA not in metadata:
        raise CheckpointError(f"{where}: it was not written by ml_genn.")
    manifest = read_manifest(metadata[METADATA], where)
    arrays = {
        k: tensors[key_text(k)] for k in manifest.arrays if key_text(k) in tensors
    }
    return manifest.snapshot(arrays)
