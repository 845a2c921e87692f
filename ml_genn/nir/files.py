"""Import of the library nir, and files of graphs."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

from ml_genn.errors import CheckpointError, UnsupportedError
from ml_genn.utils.checks import file_path
from ml_genn.utils.files import write_atomically


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
        graph = nir.read(file, type_check=False)
    except (OSError, KeyError, ValueError, TypeError, AssertionError) as error:
        raise CheckpointError(
            f"File '{file}': it is no graph that nir can read ({error})."
        ) from None
    return graph
