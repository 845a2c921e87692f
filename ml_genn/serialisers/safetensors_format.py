"""The file format of safetensors: a JSON header, then the bytes of the arrays.

See https://github.com/huggingface/safetensors, "Format". The bytes are read, not mapped
into memory, so a file that another program cuts short cannot end the process.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from ml_genn.errors import CheckpointError, UnsupportedError
from ml_genn.utils.records import Count, parse_json, record_of

#: {type of an array in a file: the same for NumPy, least significant byte first}
DTYPES = {
    "BOOL": "|b1",
    "U8": "|u1",
    "I8": "|i1",
    "U16": "<u2",
    "I16": "<i2",
    "F16": "<f2",
    "U32": "<u4",
    "I32": "<i4",
    "F32": "<f4",
    "U64": "<u8",
    "I64": "<i8",
    "F64": "<f8",
}
_NAMES = {dtype: name for name, dtype in DTYPES.items()}
_METADATA = "__metadata__"  #: key of texts in a header
_LENGTH_BYTES = 8  #: before the header: its length, an unsigned integer
_ALIGNMENT = 8  #: headers end with blanks so that arrays start at a multiple of it


def _known_type(name: str) -> str | None:
    return None if name in DTYPES else f"one of {', '.join(DTYPES)}"


@dataclass(frozen=True, slots=True)
class ArrayHeader:
    """Type, shape and place of an array.

    Args:
        dtype: name of its type, a key of `DTYPES`.
        shape: its shape.
        data_offsets: its first byte, and the one after its last, after the header.
    """

    dtype: Annotated[str, _known_type]
    shape: tuple[Count, ...]
    data_offsets: tuple[Count, Count]

    def read(self, data: memoryview, where: str) -> np.ndarray:
        """Returns the array.

        Args:
            data: bytes after the header.
            where: start of error messages.

        Raises:
            CheckpointError: if its bytes are missing, or do not match its shape.
        """
        (begin, end), dtype = self.data_offsets, np.dtype(DTYPES[self.dtype])
        if end - begin != math.prod(self.shape) * dtype.itemsize or end > len(data):
            raise CheckpointError(
                f"{where}: shape {self.shape} and type {self.dtype} need other bytes "
                f"than {begin} to {end} of {len(data)}."
            )
        return np.frombuffer(data[begin:end], dtype).reshape(self.shape).copy()


def encode(arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> bytes:
    """Returns the content of a file.

    Args:
        arrays: {name: array}.
        metadata: {name: text}.

    Raises:
        UnsupportedError: if the format has no type of an array.
    """
    header: dict[str, Any] = {_METADATA: dict(metadata)}
    # types with large items first, so that each array is aligned
    names = sorted(arrays, key=lambda name: (-arrays[name].dtype.itemsize, name))
    contents, end = [], 0
    for name in names:
        array = np.ascontiguousarray(arrays[name])
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
        if array.dtype.str not in _NAMES:
            raise UnsupportedError(
                f"Array '{name}': files have no type {array.dtype}. Convert it to one "
                f"of {', '.join(sorted(_NAMES))}."
            )
        begin, end = end, end + array.nbytes
        header[name] = {
            "dtype": _NAMES[array.dtype.str],
            "shape": list(arrays[name].shape),
            "data_offsets": [begin, end],
        }
        contents.append(array.tobytes())
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    length = len(text).to_bytes(_LENGTH_BYTES, "little")
    return b"".join([length, text, *contents])


def decode(content: bytes, where: str) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Returns arrays and metadata of a file.

    Args:
        content: bytes of the file.
        where: start of error messages.

    Raises:
        CheckpointError: if the content is not in the format, or incomplete.
    """
    length = int.from_bytes(content[:_LENGTH_BYTES], "little")
    data = memoryview(content)[_LENGTH_BYTES + length :]
    if len(content) < _LENGTH_BYTES + length or not length:
        raise CheckpointError(f"{where}: it cannot be read, since its header is cut.")
    place = f"{where}: header"
    header = parse_json(content[_LENGTH_BYTES : _LENGTH_BYTES + length], place)
    if not isinstance(header, Mapping):
        raise CheckpointError(f"{place}: it is not a JSON object.")
    metadata = header.get(_METADATA, {})
    if not isinstance(metadata, Mapping) or not all(
        isinstance(text, str) for text in metadata.values()
    ):
        raise CheckpointError(f"{place}: {_METADATA} has texts only.")
    entries = {
        name: record_of(ArrayHeader, entry, f"{place}: {name[:99]}")
        for name, entry in header.items()
        if name != _METADATA
    }
    _check_offsets(list(entries.values()), len(data), where)
    arrays = {k: e.read(data, f"{where}: array {k[:99]}") for k, e in entries.items()}
    return arrays, dict(metadata)


def _check_offsets(entries: list[ArrayHeader], size: int, where: str) -> None:
    """Raises CheckpointError unless the arrays follow each other up to the end."""
    place = 0
    for begin, end in sorted(entry.data_offsets for entry in entries):
        if begin != place or end < begin:
            raise CheckpointError(f"{where}: arrays do not follow each other.")
        place = end
    if place != size:
        raise CheckpointError(
            f"{where}: it has {size} bytes of arrays; its header says {place}."
        )
