"""What a batch fills: results, losses, records."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_genn.backends.cuda.launch.kernel_args import RECORDING_TYPE, address, addresses
from ml_genn.backends.host.state import is_forward
from ml_genn.codegen.layout import Layout
from ml_genn.model.batch import Record


@dataclass(frozen=True, slots=True, eq=False)
class Filled:
    """Arrays that a batch fills, on the device.

    Args:
        results: of each output group, (examples, neurons).
        losses: (examples, output groups).
        sums: the same, while steps run.
        records: {record: (examples, steps, neurons)}.
        recordings: where the kernels copy from and to.
    """

    results: list[Any]
    losses: Any
    sums: Any
    records: dict[Record, Any]
    recordings: Any

    def numbers(self) -> dict[str, int]:
        """Fields of a call."""
        return {
            "losses": address(self.losses),
            "loss_sums": address(self.sums),
            "num_recordings": len(self.records),
            "recordings": address(self.recordings),
        }

    def tables(self) -> dict[str, list[int]]:
        """Tables of a call."""
        return {"results": addresses(self.results)}


def to_fill(
    cupy: Any,
    layout: Layout,
    examples: int,
    steps: int,
    records: Iterable[Record],
) -> Filled:
    """Such arrays for a batch.

    Args:
        cupy: the module.
        layout: where state lives.
        examples, steps: of the batch.
        records: variables recorded in every step.
    """
    outputs = layout.outputs
    losses = (examples, max(len(outputs), 1))
    rows = {r: layout.rows[r.group, r.variable] for r in records}
    arrays = {
        r: cupy.zeros((examples, steps, row.size), dtype=np.float32)
        for r, row in rows.items()
    }
    recordings = np.zeros(len(rows) + 1, dtype=RECORDING_TYPE)
    for k, (record, row) in enumerate(rows.items()):
        to = address(arrays[record])
        backward = not is_forward(layout.plan, record)
        recordings[k] = row.offset, row.size, backward, row.stride, to
    return Filled(
        [cupy.zeros((examples, g.size), dtype=np.float32) for g in outputs],
        cupy.zeros(losses, dtype=np.float32),
        cupy.zeros(losses, dtype=np.float32),
        arrays,
        cupy.asarray(recordings.view(np.int64)),
    )
