"""A built plan on a GPU: a batch is one captured graph, each example a thread block."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ml_genn.backends.api import Processes
from ml_genn.backends.cuda.device import plain_errors
from ml_genn.backends.cuda.launch.batch import Batch, DeviceModel
from ml_genn.backends.cuda.launch.graph import Launches
from ml_genn.backends.cuda.launch.kernel_args import Argument
from ml_genn.backends.cuda.launch.nccl import sums
from ml_genn.backends.cuda.launch.prefetcher import Feed
from ml_genn.backends.cuda.launch.stages import Stage, joined, stages
from ml_genn.backends.cuda.memory import spike_tapes as tapes
from ml_genn.backends.cuda.memory.carryover import carried
from ml_genn.backends.cuda.memory.workspace import Workspace
from ml_genn.backends.cuda.source import DeviceLayout
from ml_genn.backends.host.abi.call import Phase, Status
from ml_genn.backends.host.batch_data import slice_of
from ml_genn.backends.host.state import STATE_TYPES, state_type, typed_state
from ml_genn.errors import MlGennError
from ml_genn.model.batch import Examples, RunOptions, RunResult
from ml_genn.model.plan import Values

ENTIRE = Phase.FORWARD | Phase.END


class CudaModel(DeviceModel):
    """Runs a plan; see `ml_genn.backends.api.Model`."""

    def __init__(
        self,
        layout: DeviceLayout,
        values: Values,
        cupy: Any,
        made: Callable[[bool], Any],
        *,
        seed: int,
    ) -> None:
        super().__init__(layout, values, cupy, seed=seed)
        self._launches = Launches(made, self._stream)
        self._feed = Feed(cupy, self._stream, self._data)
        self._argument = Argument(cupy)
        self._batch_run: Batch | None = None  # whose state can be looked at
        self._stepping = False
        self._closed = False
        self._sums: Callable[[Any], None] | None = None  # over processes

    def close(self) -> None:
        """Frees the memory that batches use."""
        self._feed.forget()
        self._workspace = None
        self._batch_run = None
        self._closed = True

    def set_processes(self, processes: Processes | None) -> None:
        """Those that train together; their gradients are summed."""
        self._sums = None
        if processes is not None:
            with plain_errors(self._cupy):
                self._sums = sums(self._cupy, processes)

    # ------------------------------------------------------------ running
    def prepare(self, examples: Examples) -> Examples:
        """Examples as they are; batches are packed when they are brought."""
        return examples

    def run(
        self, prepared: Examples, indices: np.ndarray, options: RunOptions
    ) -> RunResult:
        """Runs the examples at ``indices`` as one batch."""
        self._check()
        self._stepping = False
        first = self._examples_run.next(options.update, slice_of(options, indices))
        with plain_errors(self._cupy), self._stream:
            self._rates.set(self._optimiser_scalars)
            brought = self._feed.take(prepared, indices)
            while True:
                batch = self._batch_run = self._batch(
                    prepared, indices, options, self.share, brought
                )
                batch.numbers["example"] = first
                given = self._argument.put(batch.numbers, batch.tables)
                running = self._start(options) | self._running(options) | ENTIRE
                found = self._stages(batch, running)
                self._launches.go(found[0], given)
                if options.next_indices is not None:
                    self._feed.ahead(prepared, options.next_indices)
                    options = replace(options, next_indices=None)
                if not self._totals.status() & Status.TAPE_FULL:
                    break
                self.share *= 4
                self._workspace = self._batch_run = None
                del batch  # its tapes are free before there are longer ones
            self._sum_and_go(found[1:], given)
            return self._end(batch)

    def _start(self, options: RunOptions) -> Phase:
        """What comes first: nothing where a batch goes on from the last one."""
        return Phase(0) if options.continue_state and self._carried else Phase.BEGIN

    def _running(self, options: RunOptions) -> Phase:
        """What is done while the network runs, beside running."""
        return Phase.ONLINE if options.backward and self.plan.online else Phase(0)

    def _stages(self, batch: Batch, first: Phase) -> list[Stage]:
        """A batch's launches; in stages, if processes sum what they found between."""
        options = batch.options
        found = stages(self.plan, options, batch.grid, first)
        together = (
            self._sums is not None
            and options.batch_slice is not None
            and options.update
        )
        return found if together else joined(found)

    def _sum_and_go(self, later: Sequence[Stage], given: Any) -> None:
        """The stages after the first, where several processes run the batch."""
        if self._sums is None:
            return
        found = [self._totals.found_in_all()]
        if not self.plan.online:
            found.insert(0, self._totals.found_forward())
        for arrays, stage in zip(found, later, strict=False):
            for array in arrays:
                self._sums(array)
            self._launches.go(stage, given)

    def begin_step(
        self, prepared: Examples, indices: np.ndarray, options: RunOptions
    ) -> None:
        """Starts a batch that is advanced one time step at a time."""
        self._check()
        self._stepping = False
        with plain_errors(self._cupy), self._stream:
            brought = self._feed.take(prepared, indices)
            batch = self._batch_run = self._batch(
                prepared, indices, options, 1.0, brought
            )
            batch_slice = slice_of(options, indices)
            batch.numbers["example"] = self._examples_run.next(
                options.update, batch_slice
            )
            start = self._start(options)
            begin = batch.grid.over_examples(Phase.BEGIN) if start else ()
            self._now(batch, batch.grid.over_weights("mlg_clear") + begin)
        self._stepping = True

    def step(self) -> None:
        """Advances the batch by one time step."""
        batch = self._current()
        batch.numbers["first_step"], batch.numbers["end_step"] = (
            batch.step,
            batch.step + 1,
        )
        with plain_errors(self._cupy), self._stream:
            phases = Phase.FORWARD | self._running(batch.options)
            self._now(batch, batch.grid.over_examples(phases))
        batch.step += 1

    def end_step(self) -> RunResult:
        """Ends the batch that was stepped."""
        batch = self._current()
        self._stepping = False
        with plain_errors(self._cupy), self._stream:
            self._rates.set(self._optimiser_scalars)
            given = self._argument.put(batch.numbers, batch.tables)
            found = self._stages(batch, Phase.END)
            self._launches.go(found[0], given)
            self._sum_and_go(found[1:], given)
            return self._end(batch)

    def _check(self) -> None:
        if self._closed:
            raise MlGennError(
                "the model was closed; compile the network again to run it"
            )

    def _current(self) -> Batch:
        if self._batch_run is None or not self._stepping:
            raise MlGennError("no batch is being stepped; call begin_step first")
        return self._batch_run

    def _now(self, batch: Batch, launches: Stage) -> None:
        """Launches what comes once only, and waits for it."""
        given = self._argument.put(batch.numbers, batch.tables)
        self._launches.each(launches, given)
        self._stream.synchronize()

    def _end(self, batch: Batch) -> RunResult:
        """What a batch gives, once it is through."""
        options, filled = batch.options, batch.filled
        finite = self._totals.status() == Status.OK
        gradients = {}
        if options.gradients:
            gradients = {
                array: self._shapes.unpadded(
                    array, values.reshape(self._learned_array(array).shape)
                )
                for array, values in zip(
                    self._layout.learned, self._totals.gradients.get(), strict=True
                )
            }
        rewirings = {}
        if options.update and finite:
            self._mirror.stale = True
            rewirings = self._after_update()
        if options.continue_state and self._workspace:
            self._carried = carried(
                self._workspace.blocks.get(),
                {name: self._spikes(batch, name) for name in self._layout.tapes},
                batch.numbers["num_steps"],
                self._longest_delay,
                self._carried,
            )
        outputs = [g.name for g in self._layout.outputs]
        results = [r.get() for r in filled.results]
        records = {
            r: typed_state(self.plan, r.group, r.variable, a.get())
            for r, a in filled.records.items()
        }
        return RunResult(
            outputs=dict(zip(outputs, results, strict=True)),
            losses=filled.losses.get(),
            finite=finite,
            gradients=gradients,
            records=records,
            rewirings=rewirings,
            spikes={name: self._spikes(batch, name) for name in options.spikes},
        )

    # ------------------------------------------------------------ what launches leave
    def _spikes(self, batch: Batch, name: str) -> list[tuple[np.ndarray, np.ndarray]]:
        """Steps and neurons of a group's spikes, example by example."""
        found = self._given.played(batch.brought, name)
        if found is None:
            tape = batch.tapes[self._layout.tapes[name]]
            found = tape.ids.get(), tape.offsets.get()
        ids, offsets = found
        return tapes.spikes(ids, offsets, batch.numbers["num_steps"])

    def state(self, group: str, variable: str) -> np.ndarray:
        """A state variable of the batch that is being stepped, or ran last with
        ``RunOptions.expose_state``: (examples, neurons)."""
        with self._stream:
            blocks = self._looked_at().blocks.get()
        row = self._layout.rows[group, variable]
        found = np.ascontiguousarray(blocks[:, row.indices])
        return typed_state(self.plan, group, variable, found)

    def set_state(self, group: str, variable: str, values: np.ndarray) -> None:
        """Replaces such a variable."""
        work = self._looked_at()
        row = self._layout.rows[group, variable]
        kind = STATE_TYPES[state_type(self.plan, group, variable)]
        with self._stream:
            blocks = work.blocks.get()
            blocks.view(kind)[:, row.indices] = values
            work.blocks.set(blocks)

    def _looked_at(self) -> Workspace:
        batch = self._batch_run
        kept = batch is not None and (self._stepping or batch.options.expose_state)
        if not kept or self._workspace is None:
            raise MlGennError(
                "no state is kept: no batch is being stepped, and none ran last of "
                "which it was asked for."
            )
        return self._workspace
