"""Batches: their memory on the device, and the call of their kernels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_genn.backends.cuda.launch.grid import Grid, batch_grid
from ml_genn.backends.cuda.launch.settings import Settings
from ml_genn.backends.cuda.memory.batch_data import BatchData
from ml_genn.backends.cuda.memory.carryover import Carryover, TailSpikes
from ml_genn.backends.cuda.memory.device_parameters import DeviceParameters
from ml_genn.backends.cuda.memory.output_buffers import (
    OutputBuffers,
    allocate_output_buffers,
)
from ml_genn.backends.cuda.memory.prefetcher import BatchArrays
from ml_genn.backends.cuda.memory.reductions import Reductions
from ml_genn.backends.cuda.memory.spike_tapes import SpikeTape, tape_tables
from ml_genn.backends.cuda.memory.workspace import (
    Workspace,
    WorkspaceShape,
    allocate_workspace,
)
from ml_genn.backends.host.abi.call import Phase
from ml_genn.backends.host.arrays.host_arrays import HostArrays
from ml_genn.backends.host.batch_data import slice_of
from ml_genn.codegen.layout import Layout
from ml_genn.model.batch import RunOptions
from ml_genn.model.plan import PlanValues


@dataclass(slots=True, eq=False)
class Batch:
    """Batch that is running, or has run.

    Args:
        options: passes and outputs of the run.
        grid: thread blocks.
        call_fields: {field of the call: number or address}.
        call_tables: {field of the call: its table}.
        workspace: state and tapes.
        outputs: arrays that the batch writes.
        tapes: {index: tape} of all groups.
        arrays: data of the examples.
        tail: last spikes of the previous batch, if this one continues it.
        step: next time step, if the batch is stepped.
    """

    options: RunOptions
    grid: Grid
    call_fields: dict[str, Any]
    call_tables: dict[str, list[int]]
    workspace: Workspace
    outputs: OutputBuffers
    tapes: dict[int, SpikeTape]
    arrays: BatchArrays
    tail: TailSpikes | None
    step: int = 0

    @property
    def begin_phase(self) -> Phase:
        """First phase: none if the batch continues the previous one."""
        return Phase(0) if self.tail else Phase.BEGIN

    @property
    def num_steps(self) -> int:
        """Time steps of an example."""
        return int(self.call_fields["num_steps"])


class BatchBuilder:
    """Allocates the memory of batches and fills in their calls.

    Args:
        cupy: module.
        layout: places of variables.
        values: numbers of the plan.
        host_arrays: parameters on the host.
        settings: sizes of thread blocks and buffers.
        parameters: parameters on the device.
        reductions: sums over a batch.
        constant_fields: fields that are the same for all batches.

    Attributes:
        data: order of a batch's data.
        longest_delay: longest delay [steps].
    """

    def __init__(
        self,
        cupy: Any,
        layout: Layout,
        values: PlanValues,
        host_arrays: HostArrays,
        *,
        settings: Settings,
        parameters: DeviceParameters,
        reductions: Reductions,
        constant_fields: dict[str, Any],
    ) -> None:
        self._cupy, self._layout, self._values = cupy, layout, values
        self._host_arrays, self._settings = host_arrays, settings
        self._parameters, self._reductions = parameters, reductions
        self._workspace: Workspace | None = None
        self.data = BatchData(layout)
        self.longest_delay = max(values.max_delays.values(), default=0)
        self._constant_fields = {
            "gradient_window": settings.gradient_window,
            "block_steps": settings.steps_per_block,
            "carryover_steps": 1 + self.longest_delay,
            "dt": values.dt,
            **constant_fields,
        }

    def release_workspace(self) -> None:
        """Frees the memory of the last batch."""
        self._workspace = None

    def build(
        self,
        indices: np.ndarray,
        num_steps: int,
        options: RunOptions,
        *,
        arrays: BatchArrays,
        carryover: Carryover | None,
        first_example: int,
        tape_fraction: float,
    ) -> Batch:
        """Returns a batch that has not run.

        Args:
            indices: examples of the batch.
            num_steps: time steps.
            options: passes and outputs of the run.
            arrays: data of the examples.
            carryover: end of the previous batch, if this one continues it.
            first_example: number of the first example, for random numbers.
            tape_fraction: capacity of tapes; see `WorkspaceShape`.
        """
        examples = len(indices)
        workspace = self._reserve(
            examples, self._window(num_steps, options), tape_fraction
        )
        grid = self._grid(examples)
        outputs = allocate_output_buffers(
            self._cupy, self._layout, examples, num_steps, options.records
        )
        tail = None
        if carryover:
            tail = self._continue_from(carryover, workspace, examples)
        fields = {
            **self._constant_fields,
            "num_steps": num_steps,
            "batch": examples,
            "first_step": 0,
            "end_step": num_steps,
            "example": first_example,
            "uses_shared_memory": int(grid.shared_bytes > 0),
            "tail_steps": tail.steps if tail else 0,
            "counts_spikes": int(options.backward),
            "scale": 1.0 / max(slice_of(options, indices).total, 1),
        }
        tapes = workspace.tapes | self.data.tapes(arrays)
        tables = tape_tables(tapes)
        tables |= tail.call_tables() if tail else _NO_TAIL
        for part in (self._parameters, self._reductions, workspace, outputs):
            fields |= part.call_fields()
            tables |= part.call_tables()
        fields |= self.data.call_fields(arrays)
        tables |= self.data.call_tables(arrays, examples)
        return Batch(
            options, grid, fields, tables, workspace, outputs, tapes, arrays, tail
        )

    def _continue_from(
        self, carryover: Carryover, workspace: Workspace, examples: int
    ) -> TailSpikes:
        """Copies the state and the undelivered spikes of the previous batch."""
        state = carryover.initial_state(
            self._layout, self._values, self._host_arrays, examples
        )
        workspace.state_blocks.set(state)
        return TailSpikes(self._cupy, self._layout, carryover, examples)

    def _grid(self, examples: int) -> Grid:
        return batch_grid(
            self._cupy,
            self._settings,
            examples=examples,
            largest_group=max(group.size for group in self._layout.plan.neurons),
            state_bytes=self._host_arrays.initial_state.nbytes,
        )

    def _window(self, num_steps: int, options: RunOptions) -> int:
        """Steps whose spikes are stored: all if something reads them later."""
        backward = options.backward and not self._layout.plan.online
        if backward or options.spikes or options.continue_state:
            return num_steps
        undelivered = 2 * (1 + self.longest_delay)
        return min(self._settings.steps_per_block + undelivered, num_steps)

    def _reserve(self, examples: int, window: int, tape_fraction: float) -> Workspace:
        """Returns the workspace of the last batch if it has the right shape."""
        settings = self._settings
        steps = min(settings.gradient_window, window)
        if self._layout.plan.online:
            steps = settings.steps_per_block
        shape = WorkspaceShape(
            examples=examples,
            window=window,
            state_floats=self._host_arrays.initial_state.size,
            ring_length=steps + 1 + self.longest_delay,
            tape_fraction=min(tape_fraction, 1.0),
        )
        if self._workspace is None or self._workspace.shape != shape:
            self._workspace = None  # frees it before the new one is allocated
            self._workspace = allocate_workspace(self._cupy, self._layout, shape)
        return self._workspace


_NO_TAIL = {"tail_ids": [0], "tail_offsets": [0]}
