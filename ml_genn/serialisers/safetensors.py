"""Snapshots as single files in the safetensors format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ml_genn.errors import CheckpointError, UnsupportedError
from ml_genn.model.snapshot import Snapshot, key_text
from ml_genn.serialisers.manifest import manifest_text, read_manifest
from ml_genn.serialisers.serialiser import Keys, Serialiser
from ml_genn.utils.checks import file_path
from ml_genn.utils.files import file_name, file_name_part, write_atomically

METADATA = "ml_genn"  #: name of the manifest in the metadata of a file
ENDING = ".safetensors"


class Safetensors(Serialiser):
    """One file per snapshot, ``<keys joined by "-">.safetensors``.

    Arrays are named ``<connection or population>/<name>``. The library safetensors is
    needed: ``pip install 'ml_genn[save]'``.

    Args:
        path: folder, created when the first file is written; the current one by
            default.
    """

    def __init__(self, path: str | Path = "") -> None:
        self.path = file_path("Safetensors: path", path)

    def save(self, keys: Keys, snapshot: Snapshot) -> None:
        """Writes a snapshot."""
        write_file(self._file(keys), snapshot)

    def load(self, keys: Keys) -> Snapshot:
        """Reads a snapshot."""
        return read_file(self._file(keys))

    def serialise(self, keys: Keys, data: Any) -> None:
        """Writes an array to a file of its own."""
        self.save(keys, Snapshot({("", "data"): np.asarray(data)}))

    def deserialise(self, keys: Keys) -> np.ndarray:
        """Reads an array from a file of its own."""
        return self.load(keys).arrays["", "data"]

    def deserialise_all(self, keys: Keys) -> dict[str, np.ndarray]:
        """Reads all arrays whose keys start with ``keys``, each from its file."""
        start = "".join(f"{file_name_part(key)}-" for key in keys)
        names = [p.stem for p in sorted(self.path.glob(f"*{ENDING}"))]
        rests = [n[len(start) :] for n in names if n.startswith(start)]
        return {rest: self.deserialise((*keys, rest)) for rest in rests}

    def epochs(self) -> list[int]:
        """Returns the numbers of the stored snapshots, in ascending order."""
        names = [p.stem for p in self.path.glob(f"*{ENDING}")]
        return sorted(int(name) for name in names if name.isdecimal())

    def _file(self, keys: Keys) -> Path:
        return self.path / file_name(keys or ("checkpoint",), ENDING)

    def __repr__(self) -> str:
        return f"Safetensors({str(self.path)!r})"


def _library() -> Any:
    try:
        import safetensors.numpy
    except ImportError:
        raise UnsupportedError(
            "Single files need the library safetensors: pip install 'ml_genn[save]'. "
            "The serialiser Numpy goes without."
        ) from None
    return safetensors


def write_file(path: Path, snapshot: Snapshot) -> None:
    """Writes a snapshot to a file.

    Raises:
        UnsupportedError: if the library safetensors is missing.
    """
    arrays = {key_text(k): np.ascontiguousarray(a) for k, a in snapshot.arrays.items()}
    metadata = {METADATA: manifest_text(snapshot)}
    write_atomically(path, _library().numpy.save(arrays, metadata))


def read_file(path: Path) -> Snapshot:
    """Reads a snapshot from a file.

    Raises:
        CheckpointError: if there is no such file, or it is damaged.
        UnsupportedError: if the library safetensors is missing.
    """
    library, where = _library(), f"File '{path}'"
    if not path.is_file():
        raise CheckpointError(f"{where}: there is no such file.")
    try:
        with library.safe_open(path, framework="numpy") as file:
            text = (file.metadata() or {}).get(METADATA)
            names = file.keys()
            tensors = {name: file.get_tensor(name) for name in names}
    except (library.SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{where}: it cannot be read ({error}). Use another one."
        ) from None
    if text is None:
        raise CheckpointError(f"{where}: it was not written by ml_genn.")
    manifest = read_manifest(text, where)
    arrays = {
        k: tensors[key_text(k)] for k in manifest.arrays if key_text(k) in tensors
    }
    return manifest.snapshot(arrays)
