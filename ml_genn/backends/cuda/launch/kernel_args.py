"""Argument of the kernels: declaration of its structure, and its device memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ml_genn.backends.cuda.memory.addresses import address
from ml_genn.backends.host.abi.call import COMMON_FIELDS
from ml_genn.backends.host.abi.structure import Field, Structure, header

CALL_STRUCTURE = Structure(
    "Call",
    "Arguments of a batch; addresses are in the device's memory.",
    (
        *COMMON_FIELDS,
        Field(
            "float *",
            "loss_sums",
            "Losses of the steps so far: (batch, output groups).",
        ),
        Field("const int64_t *", "learned_sizes", "Size of each learned array."),
        Field("double *", "gradient_squares", "Sum of squares of each gradient."),
        Field(
            "float *const *",
            "rate_regularisation_grads",
            "Spikes of each regularised neuron; then the gradient by them.",
        ),
        Field(
            "int64_t",
            "counts_spikes",
            "1 if spikes are counted for the rate regulariser, else 0.",
        ),
        Field("float *", "state_blocks", "State block of each example."),
        Field("int64_t", "state_floats", "Floats in a state block."),
        Field("uint8_t *", "flags", "Flags of the neurons of each example."),
        Field(
            "id_type *const *", "tape_ids", "Neurons on each tape: (batch, capacity)."
        ),
        Field(
            "uint32_t *const *",
            "tape_offsets",
            "First spike of each step: (batch, window + 2); (batch, num_steps + 2) if "
            "spikes come with the data.",
        ),
        Field(
            "float *const *",
            "tape_records",
            "Values saved with each spike: (batch, capacity, record size).",
        ),
        Field(
            "const int64_t *",
            "tape_shapes",
            "Capacity, 0 if spikes come with the data, and record size of each tape.",
        ),
        Field("int64_t", "window", "Steps in memory: step t is row t % window."),
        Field(
            "id_type *const *",
            "tail_ids",
            "Last spikes of the previous batch, if this one continues it.",
        ),
        Field(
            "uint32_t *const *",
            "tail_offsets",
            "First of these spikes in each step: (batch, tail_steps + 2).",
        ),
        Field(
            "int64_t",
            "tail_steps",
            "Steps of these spikes; 0 if no batch is continued.",
        ),
        Field(
            "float *const *",
            "step_loss_grads",
            "dL/dy of each output's loss in every step: (batch, window, neurons).",
        ),
        Field(
            "float *const *",
            "history",
            "State at the start of each step: (batch, window, floats).",
        ),
        Field(
            "float *const *",
            "grad_rings",
            "Rings of dL/dw rows: (batch, ring_length, neurons).",
        ),
        Field("int64_t", "ring_length", "Rows of each gradient ring."),
        Field(
            "float *",
            "online_rows",
            "Adjoints and traces of online learning: (batch, ONLINE_FLOATS).",
        ),
        Field(
            "float *",
            "online_weight_grads",
            "dL/dw of spikes in a block: (batch, block_steps + carryover_steps, "
            "ONLINE_STEP_FLOATS).",
        ),
        Field(
            "uint8_t *",
            "online_has_spiked",
            "1 if a source neuron has spiked, else 0: (batch, ONLINE_SOURCES).",
        ),
        Field(
            "int64_t",
            "uses_shared_memory",
            "1 if an example's state is in shared memory while it runs, else 0.",
        ),
        Field(
            "int32_t *",
            "num_bad",
            "Number of processes whose forward passes set the status.",
        ),
    ),
)
#: NumPy type of a call.
CALL_TYPE = CALL_STRUCTURE.dtype()
WORD_BYTES = np.dtype(np.int64).itemsize  #: of an address and of an entry of a table


def call_header() -> str:
    """Text of ``include/call.h``."""
    return header(
        "Argument of the kernels.",
        ("flags.h", "id_type.h", "recording.h"),
        CALL_STRUCTURE.declaration(),
    )


class CallBuffer:
    """Call structure in the device's memory, followed by the tables that it points to.

    Args:
        cupy: module.
    """

    def __init__(self, cupy: Any) -> None:
        self._cupy = cupy
        self._memory: Any = None

    def write(
        self, fields: Mapping[str, Any], tables: Mapping[str, Sequence[int]]
    ) -> Any:
        """Writes a call; returns its array on the device, the kernels' argument.

        The array stays where it is as long as the tables' sizes stay the same.

        Args:
            fields: {field: number or address}.
            tables: {field: addresses or numbers of its table}.
        """
        sizes = [len(table) for table in tables.values()]
        size = CALL_TYPE.itemsize // WORD_BYTES + sum(sizes)
        if self._memory is None or self._memory.size != size:
            self._memory = self._cupy.empty(size, dtype=np.int64)
        call = np.zeros((), dtype=CALL_TYPE)
        for name, value in fields.items():
            call[name] = value
        table_address = address(self._memory) + CALL_TYPE.itemsize
        for name, length in zip(tables, sizes, strict=True):
            call[name] = table_address
            table_address += WORD_BYTES * length
        parts = [call.reshape(1).view(np.int64)]
        parts += [np.asarray(table, dtype=np.int64) for table in tables.values()]
        self._memory.set(np.concatenate(parts))
        return self._memory
