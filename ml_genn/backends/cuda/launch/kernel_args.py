"""The kernels' one argument, as NumPy lays it out, with the tables it points to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import IntFlag
from typing import Any

import numpy as np


class Phase(IntFlag):
    """What a launch does."""

    BEGIN = 1
    FORWARD = 2
    END = 4
    BACKWARD = 8
    ONLINE = 16


class Status(IntFlag):
    """What a batch ends with."""

    FINE = 0
    FULL = 1  # the spikes of an example do not fit on a tape
    NOT_FINITE = 2


_FIELDS = [
    "num_steps",
    "batch",
    "first",
    "last",
    "example",
    "seed",
    "scalars",
    "arrays",
    "integers",
    "initial",
    "values",
    "targets",
    "results",
    "weights",
    "losses",
    "loss_sums",
    "loss_scalars",
    "optimiser_scalars",
    "slots",
    "gradients",
    "learned_sizes",
    "squares",
    "push",
    "counted",
    "blocks",
    "floats",
    "flags",
    "tape_ids",
    "tape_offsets",
    "tape_records",
    "tape_shapes",
    "window",
    "block",
    "carried",
    "tail_ids",
    "tail_offsets",
    "tail_steps",
    "drive",
    "history",
    "slopes",
    "length",
    "gather",
    "online_rows",
    "online_slopes",
    "online_live",
    "shared",
    "num_recordings",
    "recordings",
    "status",
]
#: `Call` in engine.h: whole numbers and addresses, then numbers.
CALL = np.dtype(
    [(name, np.int64) for name in _FIELDS] + [("dt", "f4"), ("scale", "f4")]
)
RECORDING = np.dtype(
    [(name, np.int64) for name in ("offset", "size", "backward", "apart", "to")]
)


def address(array: Any) -> int:
    """Where an array of CuPy's lies; None: nowhere. A number is an address already."""
    if isinstance(array, int):
        return array
    return 0 if array is None else int(array.data.ptr)


def addresses(arrays: Iterable[Any]) -> list[int]:
    """Addresses as a table ends: with one that is nowhere."""
    return [*(address(array) for array in arrays), 0]


class Argument:
    """A call in the device's memory.

    Args:
        cupy: the module.
    """

    def __init__(self, cupy: Any) -> None:
        self._cupy = cupy
        self._memory: Any = None

    def put(
        self, numbers: Mapping[str, Any], tables: Mapping[str, Sequence[int]]
    ) -> Any:
        """The call with these numbers, and with the addresses of these tables."""
        lengths = [len(table) for table in tables.values()]
        size = CALL.itemsize // 8 + sum(lengths)
        if self._memory is None or self._memory.size != size:
            self._memory = self._cupy.empty(size, dtype=np.int64)
        call = np.zeros((), dtype=CALL)
        for name, number in numbers.items():
            call[name] = number
        at = address(self._memory) + CALL.itemsize
        for name, length in zip(tables, lengths, strict=True):
            call[name] = at
            at += 8 * length
        parts = [call.reshape(1).view(np.int64)]
        parts += [np.asarray(table, dtype=np.int64) for table in tables.values()]
        self._memory.set(np.concatenate(parts))
        return self._memory
