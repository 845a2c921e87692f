"""Mutations of files: bytes, JSON and arrays as damage or malice would change them."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

DEEP = 10_000


def nested(depth: int) -> str:
    """Returns JSON that is nested too deeply for parsers."""
    return "[" * depth + "]" * depth


#: texts of JSON that take the place of a value
VALUES = (
    "null",
    "true",
    "-1",
    "0",
    str(2**63),
    "1e400",
    "NaN",
    "-Infinity",
    "1" * 5000,
    '""',
    "[]",
    "{}",
    '[[], {"": null}]',
    nested(50),
    nested(DEEP),
    '{"tuple": [' * 40 + "1" + "]}" * 40,
    json.dumps("x" * 100_000),
    '"\\ud800"',
    '"../../x"',
    '{"class": "neurons.CodeNeuron", "arguments": {}}',
    '{"named": "neurons.SpikeInput"}',
    '{"array": [1, 2], "dtype": "<f8", "shape": [3]}',
    '{"array": [1, 2], "dtype": "O", "shape": [2]}',
    '{"array_in_file": "77"}',
    '{"mapping": [[[], 1]]}',
    "1.5",
)
_MARK = "<mutated>"  #: stands for a text of `VALUES`, which may be no value of Python

Place = tuple[Any, Any]  #: a list or dictionary, and an index or key of it


def places(data: Any) -> Iterator[Place]:
    """Yields all places in JSON data."""
    keys = range(len(data)) if isinstance(data, list) else list(data)
    for key in keys:
        yield data, key
        if isinstance(data[key], list | dict) and data[key]:
            yield from places(data[key])


def mutated_json(text: str, rng: np.random.Generator) -> str:
    """Returns JSON with a value replaced, or a key dropped, renamed or swapped."""
    data = json.loads(text)
    positions = list(places(data))
    owner, key = positions[rng.integers(len(positions))]
    value = VALUES[rng.integers(len(VALUES))]
    action = rng.integers(6)
    if action == 0:
        del owner[key]
    elif action == 1 and isinstance(owner, dict):
        owner[f"{key}2"] = owner.pop(key)
    elif action == 2:
        other, place = positions[rng.integers(len(positions))]
        other[place], owner[key] = _copy(owner[key]), _copy(other[place])
    else:
        owner[key] = _MARK
    return json.dumps(data).replace(json.dumps(_MARK), value)


def _copy(value: Any) -> Any:
    return json.loads(json.dumps(value))


def mutated_bytes(content: bytes, rng: np.random.Generator) -> bytes:
    """Returns bytes that are flipped, cut, doubled or replaced."""
    changed = bytearray(content)
    start, end = sorted(int(k) for k in rng.integers(0, len(content) + 1, 2))
    action = rng.integers(6)
    if action == 0:
        return content[:end]
    if action == 1:
        return content[start:]
    if action == 2:
        return content[:end] + content[start:]
    if action == 3:
        changed[start:end] = bytes(end - start)
        return bytes(changed)
    # most of the structure is at the start
    reach = len(content) if action == 4 else min(len(content), 200)
    for place in rng.integers(0, reach, rng.integers(1, 9)):
        changed[place] ^= 1 << rng.integers(8)
    return bytes(changed)


NPY_HEADERS: tuple[Callable[[str], str], ...] = (
    lambda text: text.replace("(", "(-"),
    lambda text: text.replace("(", f"({2**62}, "),
    lambda text: text.replace("(", f"({2**70}, "),
    lambda text: text.replace("'<f8'", "'|O'").replace("'<f4'", "'|O'"),
    lambda text: text.replace("'<f8'", "'<f999999999'"),
    lambda text: text.replace("'<f8'", "[('a', '<f8')]"),
    lambda text: text.replace("'<f8'", "'<M8[s]'"),
    lambda text: text.replace("False", "None"),
    lambda text: text.replace("shape", "shade"),
    lambda text: text.replace("{", "{" * 200),
    lambda text: text.replace("(", "(" * 5000),
    lambda text: text.replace("{", "-" * 9000 + "{"),
    lambda text: f"__import__('os').abort() or {text}",
    lambda text: "",
    lambda text: "9**9**9**9",
    lambda text: "'\\d' " * 100,
    lambda text: text + "\0",
    lambda text: "{" + "'a': 1, " * 900 + text[1:],
)


def mutated_npy(content: bytes, rng: np.random.Generator) -> bytes:
    """Returns a file of NumPy with another header, or other bytes."""
    if rng.integers(2):
        return mutated_bytes(content, rng)
    start = 10  # bytes before the header of version 1
    (length,) = struct.unpack("<H", content[8:start])
    header = content[start : start + length].decode("latin1")
    text = NPY_HEADERS[rng.integers(len(NPY_HEADERS))](header).encode("latin1")
    version = (b"\x01\0", b"\x02\0", b"\x03\0", b"\x09\0")[rng.integers(4)]
    size = struct.pack("<H" if version == b"\x01\0" else "<I", len(text))
    return content[:6] + version + size + text + content[start + length :]


def mutated_array(array: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Returns an array of another shape or type, or whose numbers are not finite."""
    changes: tuple[Callable[[], np.ndarray], ...] = (
        lambda: array.astype(np.float64) * np.nan,
        lambda: array.astype(np.float64) + np.inf,
        lambda: array.astype(np.float64) * 1e300,
        lambda: array.astype(np.int8),
        lambda: array.astype(bool),
        lambda: array.astype(np.float16),
        lambda: array.astype(">f8"),
        lambda: array.reshape(-1)[:-1],
        lambda: array.reshape(-1)[:0],
        lambda: np.zeros((0, 5)),
        lambda: array[None],
        lambda: np.array(3.0),
        lambda: -array.astype(np.int64) - 1,
        lambda: array.astype(np.int64) + 2**40,
        lambda: np.full(array.shape, np.iinfo(np.uint64).max),
        lambda: array.reshape(-1)[::-1],
    )
    with np.errstate(all="ignore"):
        return np.ascontiguousarray(changes[rng.integers(len(changes))]())
