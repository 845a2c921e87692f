"""Import of the library nir, and files of graphs."""

from __future__ import annotations

from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any

from ml_genn.errors import CheckpointError, UnsupportedError
from ml_genn.utils.checks import file_path
from ml_genn.utils.files import write_atomically

#: Bytes of arrays for each byte of a file: deflate's limit.
MOST_COMPRESSED = 1032


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
    """
    content = BytesIO()
    library().write(content, graph)
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
        _check_sizes(file)
        return nir.read(file, type_check=False)
    except (
        Exception
    ) as error:  # h5py and nir raise nearly every class for damaged files
        raise CheckpointError(
            f"File '{file}': it is no graph that nir can read ({error})."
        ) from None


def _check_sizes(file: Path) -> None:
    """Raises CheckpointError if an array is larger than what the file can contain."""
    h5py = import_module("h5py")
    most = file.stat().st_size * MOST_COMPRESSED

    def check(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.nbytes > most:
            raise CheckpointError(f"'{name}' has {item.nbytes:,} bytes")

    with h5py.File(file, "r") as content:
        content.visititems(check)
