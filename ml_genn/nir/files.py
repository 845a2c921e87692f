"""The library nir, and its files."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

from ml_genn.errors import CheckpointError, UnsupportedError
from ml_genn.utils.checks import file_path
from ml_genn.utils.files import write_atomically


def library() -> Any:
    """The library nir.

    Raises:
        UnsupportedError: if it is missing.
    """
    try:
        import nir
    except ImportError:
        raise UnsupportedError(
            "NIR needs the library nir: pip install 'ml_genn[nir]'."
        ) from None
    return nir


def write(path: str | Path, graph: Any) -> None:
    """Writes a graph to a file, which is replaced as a whole.

    Args:
        path: the file, as other programs read it with ``nir.read``.
        graph: a ``nir.NIRGraph``.
    """
    content = BytesIO()
    library().write(content, graph)
    write_atomically(file_path("nir.write: path", path), content.getvalue())


def read(path: str | Path) -> Any:
    """The graph in a file.

    The library's own check of shapes knows neither kernels that are not square nor
    groups, so it is left to `import_graph`.

    Args:
        path: the file.

    Raises:
        CheckpointError: if there is no such file, or it is none of a graph.
    """
    nir, found = library(), file_path("nir.read: path", path)
    if not found.is_file():
        raise CheckpointError(f"File '{found}': there is no such file.")
    try:
        graph = nir.read(found, type_check=False)
    except (OSError, KeyError, ValueError, TypeError, AssertionError) as error:
        raise CheckpointError(
            f"File '{found}': it is no graph that nir can read ({error})."
        ) from None
    return graph
