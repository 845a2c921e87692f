"""Import of the library nir, and files of graphs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from ml_genn.errors import CheckpointError, UnsupportedError, ValidationError
from ml_genn.nir import hdf5_worker
from ml_genn.utils.checks import file_path, shown
from ml_genn.utils.files import write_atomically

LEAST_SECONDS = 60.0  #: time to read a small file on a busy machine
BYTES_PER_SECOND = 1e7  #: of a slow network disk


def library() -> Any:
    """Returns the library nir.

    Raises:
        UnsupportedError: if it is not installed.
    """
    try:
        import nir
    except ImportError:
        raise UnsupportedError(
            "NIR needs the library nir: pip install 'ml_genn[nir]'."
        ) from None
    return nir


def write(path: str | Path, graph: Any) -> None:
    """Writes a graph to a file; an existing file is replaced atomically.

    Args:
        path: the file; other programs read it with ``nir.read``.
        graph: a ``nir.NIRGraph``.

    Raises:
        ValidationError: if the graph cannot be written.
    """
    if not isinstance(graph, library().NIRGraph):
        raise ValidationError(
            "nir.write: expected a nir.NIRGraph, as nir.export returns. Received "
            f"{shown(graph)}."
        )
    content = BytesIO()
    try:
        library().write(content, graph)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValidationError(
            f"nir.write: the library nir cannot write this graph ({error}). A field of "
            "a node is missing or has another type."
        ) from error
    write_atomically(file_path("nir.write: path", path), content.getvalue())


def read(path: str | Path) -> Any:
    """Reads a graph from a file.

    The check of shapes in the library nir supports neither kernels that are not square
    nor groups. `import_graph` checks shapes instead.

    Args:
        path: the file.

    Raises:
        CheckpointError: if the file does not exist, or is no graph.
    """
    nir, file = library(), file_path("nir.read: path", path)
    if not file.is_file():
        raise CheckpointError(f"File '{file}': there is no such file.")
    try:
        content = _content(file)["node"]
        content.pop("type_check", None)
        return nir.dict2NIRNode({**content, "type_check": False})
    except Exception as error:  # nir raises nearly every class for damaged files
        raise CheckpointError(
            f"File '{file}': it is no graph that nir can read ({error})."
        ) from None


def _content(file: Path) -> Any:
    """Returns the content of an HDF5 file as dictionaries, arrays and text.

    Raises:
        ValueError: if it cannot be read.
    """
    seconds = LEAST_SECONDS + file.stat().st_size / BYTES_PER_SECOND
    command = [sys.executable, hdf5_worker.__file__, str(file.resolve())]
    try:
        done = subprocess.run(command, capture_output=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        raise ValueError(f"reading took more than {seconds:.0f} s") from None
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise ValueError(lines[-1] if lines else "HDF5 crashed")
    arrays = np.load(BytesIO(done.stdout), allow_pickle=False)
    return _restored(json.loads(arrays["tree"].tobytes()), arrays)


def _restored(value: Any, arrays: Mapping[str, Any]) -> Any:
    """Returns a value that the worker has written."""
    if isinstance(value, dict):
        return {key: _restored(v, arrays) for key, v in value.items()}
    (item,) = value
    return arrays[item][()] if isinstance(item, str) else _text(item)


def _text(item: Mapping[str, Any]) -> Any:
    return item["text"] if "text" in item else [_text(v) for v in item["list"]]
