"""Argument of the kernels: its declaration, and its copy in the device's memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ml_genn.backends.host.abi.call import COMMON_FIELDS, RECORDING
from ml_genn.backends.host.abi.structure import Field, Structure, header

CALL_STRUCTURE = Structure(
    "Call",
    "One call of the engine; addresses are in the device's memory.",
    (
        *COMMON_FIELDS,
        Field(
            "float *", "loss_sums", "Losses while steps run: (batch, output groups)."
        ),
        Field("const int64_t *", "learned_sizes", "Size of each learned array."),
        Field("double *", "squares", "Sum of squares of each gradient."),
        Field(
            "float *const *",
            "rate_regularisation_grads",
            "Spikes of each regularised neuron, then its rate's gradient.",
        ),
        Field(
            "int64_t", "counted", "1 if spikes are counted for regularisers, else 0."
        ),
        Field("float *", "blocks", "State block of each example."),
        Field("int64_t", "floats", "Size of a state block."),
        Field("uint8_t *", "flags", "Flags of the neurons of each example."),
        Field(
            "id_type *const *", "tape_ids", "Neurons on each tape: (batch, capacity)."
        ),
        Field(
            "uint32_t *const *",
            "tape_offsets",
            "(batch, window + 2); (batch, num_steps + 2) if spikes come with the data.",
        ),
        Field(
            "float *const *",
            "tape_records",
            "Saved values: (batch, capacity, numbers).",
        ),
        Field(
            "const int64_t *",
            "tape_shapes",
            "Of each tape: capacity, 0 if spikes come with data; numbers per spike.",
        ),
        Field("int64_t", "window", "Steps held in memory: step t is row t % window."),
        Field(
            "id_type *const *",
            "tail_ids",
            "Last spikes of the batch before, all examples.",
        ),
        Field("uint32_t *const *", "tail_offsets", "(batch, tail_steps + 2)."),
        Field("int64_t", "tail_steps", "Steps of the tail; 0 if batches start anew."),
        Field(
            "float *const *",
            "step_loss_grads",
            "Of each output: (batch, window, neurons).",
        ),
        Field("float *const *", "history", "(batch, window, rows)."),
        Field("float *const *", "grad_rings", "(batch, ring_length, neurons)."),
        Field("int64_t", "ring_length", "Rows of each gradient ring."),
        Field("float *", "online_rows", "(batch, ONLINE_FLOATS)."),
        Field(
            "float *",
            "online_weight_grads",
            "(batch, block + carried, ONLINE_STEP_FLOATS).",
        ),
        Field("uint8_t *", "online_has_spiked", "(batch, ONLINE_SOURCES)."),
        Field("int64_t", "shared", "1 if state is in shared memory while it runs."),
        Field("int32_t *", "status", "Flags of Status."),
    ),
)
#: NumPy types of the call and of a recording.
CALL, RECORDING_TYPE = CALL_STRUCTURE.dtype(), RECORDING.dtype()


def call_header() -> str:
    """Text of ``include/call.h``."""
    return header(
        "The argument of the kernels.",
        ("flags.h", "id_type.h", "recording.h"),
        CALL_STRUCTURE.declaration(),
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
