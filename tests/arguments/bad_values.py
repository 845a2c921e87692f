"""Values that arguments are tested with, most of them wrong almost everywhere."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np

#: Numbers that are not finite in single precision.
NOT_FINITE: dict[str, Callable[[], Any]] = {
    "nan": lambda: float("nan"),
    "inf": lambda: float("inf"),
    "-inf": lambda: float("-inf"),
    "1e39": lambda: 1e39,
    "-1e300": lambda: -1e300,
    "10**400": lambda: 10**400,
    "10**5000": lambda: 10**5000,
    "nan of float16": lambda: np.float16("nan"),
    "infinite float32": lambda: np.float32("inf"),
    "huge longdouble": lambda: np.longdouble("1e4000"),
    "array with nan": lambda: np.array([1.0, np.nan, 2.0]),
    "array without dimensions, nan": lambda: np.array(np.nan),
    "list with inf": lambda: [1.0, float("inf"), 0.0],
    "list with 1e39": lambda: [1.0, 1e39, 0.0],
    "masked array": lambda: np.ma.array([1.0, 2.0, 3.0], mask=[0, 1, 0]),
    "masked number": lambda: np.ma.masked,
    "list of masked arrays": lambda: [np.ma.array([1.0, 2.0], mask=[0, 1])] * 3,
}

#: Numbers of other kinds, arrays of unusual layout, and objects that are no numbers.
UNUSUAL: dict[str, Callable[[], Any]] = {
    "negative": lambda: -3,
    "negative float": lambda: -0.5,
    "zero": lambda: 0,
    "large": lambda: 2**62,
    "larger than 64 bits": lambda: 2**64,
    "denormal": lambda: 1e-310,
    "denormal float32": lambda: 1e-45,
    "bool": lambda: True,
    "bool of NumPy": lambda: np.bool_(False),
    "int8": lambda: np.int8(-128),
    "uint64": lambda: np.uint64(2**64 - 1),
    "complex": lambda: 1j,
    "complex64": lambda: np.complex64(1.0),
    "text": lambda: "word",
    "empty text": lambda: "",
    "bytes": lambda: b"word",
    "none": lambda: None,
    "empty list": list,
    "ragged": lambda: [[1.0], [2.0, 3.0]],
    "nested": lambda: [1, [2, [3, "a"]]],
    "empty dictionary": dict,
    "dictionary": lambda: {"a": 1.0},
    "set": lambda: {1.0, 2.0},
    "Fortran order": lambda: np.asfortranarray(np.ones((3, 4))),
    "negative strides": lambda: np.arange(6.0)[::-2],
    "without dimensions": lambda: np.array(2.5),
    "empty array": lambda: np.zeros(0),
    "no rows": lambda: np.zeros((0, 3)),
    "object array": lambda: np.array([1.0, None, "a"], dtype=object),
    "text array": lambda: np.array(["a", "b"]),
    "structured": lambda: np.zeros(3, dtype=[("t", float), ("x", int)]),
    "dates": lambda: np.array(["2020-01-01"], dtype="datetime64[D]"),
    "class": lambda: int,
    "own class": lambda: Strange,
    "function": lambda: lambda *arguments, **named: None,
    "object": lambda: Strange(),
    "generator": lambda: (k for k in range(3)),
}


class Strange:
    """Object without a representation."""

    def __repr__(self) -> str:
        raise RuntimeError("no representation")


def _library(name: str) -> Any:
    """Returns a library, or None where it is not installed."""
    return __import__(name) if find_spec(name) else None


pandas, torch, scipy = (_library(n) for n in ("pandas", "torch", "scipy"))
if pandas:
    NOT_FINITE["pandas with NA"] = lambda: pandas.array([1, None, 3], dtype="Int64")
    UNUSUAL["pandas"] = lambda: pandas.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]})
if torch:
    UNUSUAL["tensor"] = lambda: torch.ones(2, 3, requires_grad=True)
    NOT_FINITE["tensor with nan"] = lambda: torch.tensor(float("nan"))
if scipy:
    UNUSUAL["sparse"] = lambda: __import__("scipy.sparse").sparse.eye(3).tocsr()
