"""Files of NumPy arrays, read without trust in their headers.

See `numpy.lib.format` for the format. NumPy's own reader raises errors of many kinds,
and allocates what a header asks for before it looks at the length of the file.
"""

from __future__ import annotations

import ast
import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from ml_genn.errors import CheckpointError
from ml_genn.utils.records import (
    Count,
    as_checkpoint_error,
    number_type,
    record_of,
)

_MAGIC = b"\x93NUMPY"
#: {version: bytes of the length of the header, and its encoding}
_VERSIONS = {(1, 0): (2, "latin1"), (2, 0): (4, "latin1"), (3, 0): (4, "utf-8")}
_LONGEST_HEADER = 10_000  #: characters; NumPy's limit


@dataclass(frozen=True, slots=True)
class NpyHeader:
    """Header of a file.

    Args:
        descr: type of the array, as `numpy.dtype.str`.
        fortran_order: True if its first index runs fastest.
        shape: its shape.
    """

    descr: Annotated[str, number_type]
    fortran_order: bool
    shape: tuple[Count, ...]


def read_npy(content: bytes, where: str) -> np.ndarray:
    """Returns the array of a file.

    Args:
        content: bytes of the file.
        where: start of error messages.

    Raises:
        CheckpointError: if it is no such file, incomplete, or not of numbers.
    """
    start = len(_MAGIC) + 2
    version = _VERSIONS.get(tuple(content[len(_MAGIC) : start]))  # type: ignore[arg-type]
    if not content.startswith(_MAGIC) or version is None:
        raise CheckpointError(f"{where}: it cannot be read as an array of NumPy.")
    length_bytes, encoding = version
    data_start = start + length_bytes
    data_start += int.from_bytes(content[start:data_start], "little")
    text = content[start + length_bytes : data_start]
    if len(text) > _LONGEST_HEADER or data_start > len(content):
        raise CheckpointError(f"{where}: it cannot be read, since its header is cut.")
    with as_checkpoint_error(f"{where}: header"):
        plain = ast.literal_eval(text.decode(encoding).strip())
        header = record_of(NpyHeader, plain, f"{where}: header")
        dtype = np.dtype(header.descr)
    size = math.prod(header.shape)
    if size * dtype.itemsize != len(content) - data_start:
        raise CheckpointError(
            f"{where}: it has {len(content) - data_start} bytes; shape {header.shape} "
            f"and type {header.descr} need others. It was cut short, or damaged."
        )
    array = np.frombuffer(content, dtype, offset=data_start)
    order = "F" if header.fortran_order else "C"
    return array.reshape(header.shape, order=order).copy()  # type: ignore[call-overload,no-any-return]
