"""Arrays that a batch writes: readouts, losses and recorded variables."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_genn.backends.cuda.memory.addresses import address, address_table
from ml_genn.backends.host.abi.call import RECORDING
from ml_genn.backends.host.state import is_forward
from ml_genn.codegen.layout import Layout
from ml_genn.model.batch import Record

RECORDING_TYPE = RECORDING.dtype()


@dataclass(frozen=True, slots=True, eq=False)
class OutputBuffers:
    """Arrays that a batch writes, on the device.

    Args:
        results: readouts of each output group, (examples, neurons).
        losses: (examples, output groups).
        loss_sums: losses of the steps so far, (examples, output groups).
        records: {record: (examples, steps, neurons)}.
        recordings: `Recording` structures of the kernels.
    """

    results: list[Any]
    losses: Any
    loss_sums: Any
    records: dict[Record, Any]
    recordings: Any

    def call_fields(self) -> dict[str, int]:
        """Returns fields of a call."""
        return {
            "losses": address(self.losses),
            "loss_sums": address(self.loss_sums),
            "num_recordings": len(self.records),
            "recordings": address(self.recordings),
        }

    def call_tables(self) -> dict[str, list[int]]:
        """Returns tables of a call."""
        return {"results": address_table(self.results)}


def allocate_output_buffers(
    cupy: Any,
    layout: Layout,
    examples: int,
    num_steps: int,
    records: Iterable[Record],
) -> OutputBuffers:
    """Returns the output buffers of a batch.

    Args:
        cupy: module.
        layout: places of variables.
        examples, num_steps: size of the batch.
        records: variables that are recorded in every step.
    """
    outputs = layout.outputs
    losses_shape = (examples, max(len(outputs), 1))
    rows = {r: layout.rows[r.group, r.variable] for r in records}
    arrays = {
        record: cupy.zeros((examples, num_steps, row.size), dtype=np.float32)
        for record, row in rows.items()
    }
    recordings = np.zeros(len(rows) + 1, dtype=RECORDING_TYPE)
    for k, (record, row) in enumerate(rows.items()):
        to = address(arrays[record])
        backward = not is_forward(layout.plan, record)
        recordings[k] = row.offset, row.size, backward, row.stride, to
    return OutputBuffers(
        results=[cupy.zeros((examples, g.size), dtype=np.float32) for g in outputs],
        losses=cupy.zeros(losses_shape, dtype=np.float32),
        loss_sums=cupy.zeros(losses_shape, dtype=np.float32),
        records=arrays,
        recordings=cupy.asarray(recordings.view(np.int64)),
    )
