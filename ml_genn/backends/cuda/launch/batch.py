"""A plan on a GPU: its memory there, and what the launches of a batch are given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_genn.backends.cuda.launch.kernel_args import address
from ml_genn.backends.cuda.launch.prefetcher import Brought
from ml_genn.backends.cuda.launch.stages import Grid
from ml_genn.backends.cuda.memory import spike_tapes as tapes
from ml_genn.backends.cuda.memory.batch_data import Given
from ml_genn.backends.cuda.memory.carryover import Carried, Tails
from ml_genn.backends.cuda.memory.device_parameters import Mirror
from ml_genn.backends.cuda.memory.output_buffers import Filled, to_fill
from ml_genn.backends.cuda.memory.reductions import Totals
from ml_genn.backends.cuda.memory.workspace import Shape, Workspace, allocate
from ml_genn.backends.cuda.source import DeviceLayout
from ml_genn.backends.host.batch_data import batch_targets, example_weights, slice_of
from ml_genn.backends.host.model import HostModel
from ml_genn.model.batch import Examples, RunOptions
from ml_genn.model.plan import Values

SHARED_BYTES = 40 * 1024  #: of state that a block keeps in its shared memory
WARP = 32
MOST_PARTS = 8  #: blocks that share an example: votes have room for 128 warps


@dataclass(slots=True, eq=False)
class Batch:
    """A batch under way: what its launches are given, and what they fill."""

    options: RunOptions
    grid: Grid
    numbers: dict[str, Any]
    tables: dict[str, list[int]]
    filled: Filled
    tapes: dict[int, tapes.Tape]
    brought: Brought
    tails: Tails | None
    step: int = 0


class DeviceModel(HostModel):
    """Makes batches of a plan.

    Attributes:
        most_threads: threads of a block, at most; a whole number of warps.
        update_blocks: blocks of threads that take the optimisers' step.
        alone: neurons of a group up to which one block runs an example; from there on
            several do, if the GPU has more multiprocessors than the batch has examples.
        gradient_window: steps of the backward pass after which the gradients of dense
            synapses are summed.
        block: steps that run before gradients are taken, where that is done while the
            network runs, and before what is over is forgotten.
        share: share of the neurons of each step for which tapes have room at first;
            they grow.
    """

    most_threads = 512
    update_blocks = 256
    alone = 4096
    gradient_window = 32
    block = 128
    share = 0.1

    def __init__(
        self, layout: DeviceLayout, values: Values, cupy: Any, *, seed: int
    ) -> None:
        super().__init__(layout, values, seed)
        self._cupy = cupy
        self._stream = cupy.cuda.Stream()  # whatever touches the device, in this order
        self._given = Given(layout)
        self._workspace: Workspace | None = None
        self._carried: Carried | None = None  # from the last batch, if state is kept
        with self._stream:
            self._mirror = Mirror(
                cupy, layout, self._host_arrays, self._optimiser_state
            )
            self._totals = Totals(
                cupy,
                [self._learned_array(array).size for array in layout.learned],
                [group.size for group in layout.regularised],
            )
            self._rates = cupy.asarray(self._optimiser_scalars)

    @property
    def num_threads(self) -> int:
        """Threads of a block."""
        return min(-(-max(self._largest, 2 * WARP) // WARP) * WARP, self.most_threads)

    @property
    def _largest(self) -> int:
        return max(group.size for group in self.plan.neurons)

    def _parts(self, examples: int) -> int:
        """Blocks that run each example of a batch together."""
        if self._largest <= self.alone or not examples:
            return 1
        own = self._cupy.cuda.Device().attributes["MultiProcessorCount"]
        wanted = -(-self._largest // self.num_threads)
        return max(min(wanted, int(own) // examples, MOST_PARTS), 1)

    def _grid(self, examples: int) -> Grid:
        """The thread blocks of a batch."""
        parts, state = self._parts(examples), 4 * self._host_arrays.initial_state.size
        shared = state if state <= SHARED_BYTES and parts == 1 else 0
        return Grid(examples, self.num_threads, parts, self.update_blocks, shared)

    def _download(self) -> None:
        with self._stream:
            self._mirror.fetch()

    def _upload(self) -> None:
        with self._stream:
            self._mirror.send()

    def _data(self, examples: Examples, indices: np.ndarray) -> list[np.ndarray | None]:
        """What comes with examples."""
        targets = batch_targets(self._layout, examples, indices)
        weights = example_weights(self._layout, examples, indices)
        return self._given.collect(examples, indices, targets, weights)

    def _batch(
        self,
        examples: Examples,
        indices: np.ndarray,
        options: RunOptions,
        share: float,
        brought: Brought,
    ) -> Batch:
        layout, size, steps = self._layout, len(indices), examples.num_steps
        work = self._room(size, self._window(steps, options), share)
        grid = self._grid(size)
        filled = to_fill(self._cupy, layout, size, steps, options.records)
        all_tapes = work.tapes | self._given.tapes(brought)
        tails = None
        if options.continue_state and self._carried:
            last = self._carried
            tails = Tails(self._cupy, layout, last, size)
            work.blocks.set(last.state(layout, self._values, self._host_arrays, size))
        numbers = {
            "num_steps": steps,
            "batch": size,
            "first_step": 0,
            "end_step": steps,
            "seed": np.uint64(self._seed).astype(np.int64),
            "optimiser_scalars": address(self._rates),
            "gradient_window": self.gradient_window,
            "block": self.block,
            "carried": 1 + self._longest_delay,
            "shared": int(grid.shared > 0),
            "tail_steps": tails.steps if tails else 0,
            "counted": int(options.backward),
            "dt": self._values.dt,
            "scale": 1.0 / max(slice_of(options, indices).total, 1),
        }
        tables = tapes.tables(all_tapes)
        tables |= tails.tables() if tails else {"tail_ids": [0], "tail_offsets": [0]}
        for part in (self._mirror, self._totals, work, filled):
            numbers |= part.numbers()
            tables |= part.tables()
        numbers |= self._given.numbers(brought)
        tables |= self._given.tables(brought, size)
        return Batch(options, grid, numbers, tables, filled, all_tapes, brought, tails)

    @property
    def _longest_delay(self) -> int:
        return max(self._values.max_delays.values(), default=0)

    def _window(self, steps: int, options: RunOptions) -> int:
        """Steps that are kept: few, where nothing asks for what is over."""
        backward = options.backward and not self.plan.online
        if backward or options.spikes or options.continue_state:
            return steps
        return min(self.block + 2 * (1 + self._longest_delay), steps)

    def _room(self, size: int, window: int, share: float) -> Workspace:
        """Memory for a batch: that of the last one, if it suits this one."""
        kept = self.block if self.plan.online else min(self.gradient_window, window)
        shape = Shape(
            batch=size,
            window=window,
            floats=self._host_arrays.initial_state.size,
            ring_length=kept + 1 + self._longest_delay,
            share=min(share, 1.0),
        )
        if self._workspace is None or self._workspace.shape != shape:
            self._workspace = None
            self._workspace = allocate(self._cupy, self._layout, shape)
        return self._workspace
