"""Program that reads an HDF5 file for `read`, in a process of its own.

The library HDF5 crashes on some damaged files; then only this process ends. The program
has the file as its argument and writes an .npz file to its standard output: the arrays
``a0``, ``a1``, ... of the file, and ``tree``, the structure as JSON.
"""

from __future__ import annotations

import json
import os
import sys
from io import BytesIO
from typing import Any

#: Bytes of arrays for each byte of a file: deflate's limit.
MOST_COMPRESSED = 1032
#: Groups in groups; a file in which a group contains itself has more.
MAX_DEPTH = 80


def main(path: str) -> None:
    """Writes the content of a file to standard output.

    Args:
        path: the file.
    """
    import h5py
    import numpy as np

    most = os.path.getsize(path) * MOST_COMPRESSED
    arrays: dict[str, Any] = {}

    def value_of(item: Any, depth: int) -> Any:
        if isinstance(item, h5py.Group):
            if depth > MAX_DEPTH:
                raise ValueError("groups are nested too deeply")
            return {key: value_of(item[key], depth + 1) for key in item}
        if item.nbytes > most:
            raise ValueError(f"'{item.name}' has {item.nbytes:,} bytes")
        value = np.asarray(item[()])
        if value.dtype.kind in "biuf":
            arrays[f"a{len(arrays)}"] = value
            return [f"a{len(arrays) - 1}"]
        if value.dtype.kind not in "OSU":
            raise ValueError(f"'{item.name}' has the type {value.dtype}")
        return [texts(value.tolist())]

    def texts(value: Any) -> Any:
        if isinstance(value, list):
            return {"list": [texts(v) for v in value]}
        return {"text": value.decode() if isinstance(value, bytes) else str(value)}

    with h5py.File(path, "r") as file:
        tree = json.dumps(value_of(file, 0))
    content = BytesIO()
    np.savez(content, tree=np.frombuffer(tree.encode(), np.uint8), **arrays)
    sys.stdout.buffer.write(content.getvalue())


if __name__ == "__main__":
    sys.path.pop(0)  # this folder, whose modules would hide others of the same name
    main(sys.argv[1])
