"""A built plan on a GPU: a batch is one captured graph, each example a thread block."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ml_genn.backends.cpu.host import TYPES, HostModel
from ml_genn.backends.cuda import tapes
from ml_genn.backends.cuda.call import Argument, Phase, Status, address
from ml_genn.backends.cuda.carried import Carried, Tails, carried
from ml_genn.backends.cuda.device import plain_errors
from ml_genn.backends.cuda.feed import Brought, Feed
from ml_genn.backends.cuda.filled import Filled, to_fill
from ml_genn.backends.cuda.given import Given
from ml_genn.backends.cuda.launches import Launches
from ml_genn.backends.cuda.mirror import Mirror
from ml_genn.backends.cuda.stages import Grid, Stage, joined, stages
from ml_genn.backends.cuda.sums import sums
from ml_genn.backends.cuda.text import DeviceLayout
from ml_genn.backends.cuda.totals import Totals
from ml_genn.backends.cuda.workspace import Shape, Workspace, allocate
from ml_genn.backends.seam import Processes
from ml_genn.errors import MlGennError
from ml_genn.model.batch import Examples, Mode, Outcome, Share
from ml_genn.model.plan import LearnedKind, Values

SHARED_BYTES = 40 * 1024  #: of state that a block keeps in its shared memory
WARP = 32
MOST_PARTS = 8  #: blocks that share an example: votes have room for 128 warps
ENTIRE = Phase.FORWARD | Phase.END


@dataclass(slots=True, eq=False)
class _Batch:
    """A batch under way: what its launches are given, and what they fill."""

    mode: Mode
    grid: Grid
    numbers: dict[str, Any]
    tables: dict[str, list[int]]
    filled: Filled
    tapes: dict[int, tapes.Tape]
    brought: Brought
    tails: Tails | None
    step: int = 0


class CudaModel(HostModel):
    """Runs a plan; see `ml_genn.backends.seam.Model`.

    Attributes:
        most_threads: threads of a block, at most; a whole number of warps.
        update_blocks: blocks of threads that take the optimisers' step.
        alone: neurons of a group up to which one block runs an example; from there on
            several do, if the GPU has more multiprocessors than the batch has examples.
        gather: steps of the backward pass after which gradients of dense synapses are
            taken.
        block: steps that run before gradients are taken, where that is done while the
            network runs, and before what is over is forgotten.
        share: share of the neurons of each step for which tapes have room at first;
            they grow.
    """

    most_threads = 512
    update_blocks = 256
    alone = 4096
    gather = 32
    block = 128
    share = 0.1

    def __init__(
        self,
        layout: DeviceLayout,
        values: Values,
        cupy: Any,
        made: Callable[[bool], Any],
        *,
        seed: int,
    ) -> None:
        super().__init__(layout, values, seed)
        self._cupy = cupy
        self._stream = cupy.cuda.Stream()
        self._launches = Launches(made, self._stream)
        self._given = Given(layout)
        self._feed = Feed(cupy, self._stream, self._data)
        self._argument = Argument(cupy)
        self._workspace: Workspace | None = None
        self._batch_run: _Batch | None = None  # whose state can be looked at
        self._stepping = False
        self._closed = False
        self._carried: Carried | None = None  # from the last batch, if state is kept
        self._sums: Callable[[Any], None] | None = None  # over processes
        self._mirror = Mirror(cupy, layout, self._numbers, self._slots)
        self._totals = Totals(
            cupy,
            [self._learned(array).size for array in layout.learned],
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
        parts, state = self._parts(examples), 4 * self._numbers.initial.size
        shared = state if state <= SHARED_BYTES and parts == 1 else 0
        return Grid(examples, self.num_threads, parts, self.update_blocks, shared)

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

    def _fetch(self) -> None:
        self._mirror.fetch()

    def _send(self) -> None:
        self._mirror.send()

    # ------------------------------------------------------------ running
    def prepare(self, examples: Examples) -> Examples:
        """Examples as they are; batches are packed when they are brought."""
        return examples

    def _data(self, examples: Examples, indices: np.ndarray) -> list[np.ndarray | None]:
        """What comes with examples."""
        targets = self._targets(examples, indices)
        weights = self._weights(examples, indices)
        return self._given.collect(examples, indices, targets, weights)

    def run(self, prepared: Examples, indices: np.ndarray, mode: Mode) -> Outcome:
        """Runs the examples at ``indices`` as one batch."""
        self._check()
        first = self._first_example(mode.update, _share(mode, indices))
        with plain_errors(self._cupy), self._stream:
            self._rates.set(self._optimiser_scalars)
            brought = self._feed.take(prepared, indices)
            while True:
                batch = self._batch(prepared, indices, mode, self.share, brought)
                batch.numbers["example"] = first
                given = self._argument.put(batch.numbers, batch.tables)
                running = self._start(mode) | self._running(mode) | ENTIRE
                found = self._stages(batch, running)
                self._launches.go(found[0], given)
                if mode.ahead is not None:
                    self._feed.ahead(prepared, mode.ahead)
                    mode = replace(mode, ahead=None)
                if not self._totals.status() & Status.FULL:
                    break
                self.share *= 4
                self._workspace = None
            self._sum_and_go(found[1:], given)
            return self._end(batch)

    def _start(self, mode: Mode) -> Phase:
        """What comes first: nothing where a batch goes on from the last one."""
        return Phase(0) if mode.keep_state and self._carried else Phase.BEGIN

    def _running(self, mode: Mode) -> Phase:
        """What is done while the network runs, beside running."""
        return Phase.ONLINE if mode.backward and self.plan.online else Phase(0)

    def _stages(self, batch: _Batch, first: Phase) -> list[Stage]:
        """A batch's launches; in stages, if processes sum what they found between."""
        mode = batch.mode
        found = stages(self.plan, mode, batch.grid, first)
        together = self._sums is not None and mode.share is not None and mode.update
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

    def begin_step(self, prepared: Examples, indices: np.ndarray, mode: Mode) -> None:
        """Starts a batch that is advanced one time step at a time."""
        self._check()
        with plain_errors(self._cupy), self._stream:
            brought = self._feed.take(prepared, indices)
            batch = self._batch(prepared, indices, mode, 1.0, brought)
            share = _share(mode, indices)
            batch.numbers["example"] = self._first_example(mode.update, share)
            start = self._start(mode)
            begin = batch.grid.over_examples(Phase.BEGIN) if start else ()
            self._now(batch, batch.grid.over_weights("mlg_clear") + begin)
        self._stepping = True

    def step(self) -> None:
        """Advances the batch by one time step."""
        batch = self._current()
        batch.numbers["first"], batch.numbers["last"] = batch.step, batch.step + 1
        with plain_errors(self._cupy), self._stream:
            phases = Phase.FORWARD | self._running(batch.mode)
            self._now(batch, batch.grid.over_examples(phases))
        batch.step += 1

    def end_step(self) -> Outcome:
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

    def _current(self) -> _Batch:
        if self._batch_run is None or not self._stepping:
            raise MlGennError("no batch is being stepped; call begin_step first")
        return self._batch_run

    def _now(self, batch: _Batch, launches: Stage) -> None:
        """Launches what comes once only, and waits for it."""
        given = self._argument.put(batch.numbers, batch.tables)
        self._launches.each(launches, given)
        self._stream.synchronize()

    def _end(self, batch: _Batch) -> Outcome:
        """What a batch gives, once it is through."""
        mode, filled = batch.mode, batch.filled
        finite = self._totals.status() == Status.FINE
        gradients = {}
        if mode.gradients:
            gradients = {
                array: self._unpadded(array, values.reshape(self._learned(array).shape))
                for array, values in zip(
                    self._layout.learned, self._totals.gradients.get(), strict=True
                )
            }
        rewirings = self._updated() if mode.update and finite else {}
        if mode.keep_state and self._workspace:
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
            r: self._typed(r.group, r.variable, a.get())
            for r, a in filled.records.items()
        }
        return Outcome(
            results=dict(zip(outputs, results, strict=True)),
            losses=filled.losses.get(),
            finite=finite,
            gradients=gradients,
            records=records,
            rewirings=rewirings,
            spikes={name: self._spikes(batch, name) for name in mode.spikes},
        )

    def _updated(self) -> dict[str, tuple[int, int]]:
        """What follows a step on the host: constants of learned parameters, and
        synapses that change places."""
        self._mirror.stale = True
        kinds = {array.kind for array in self._layout.learned}
        if not self._rewirings and LearnedKind.PARAMETER not in kinds:
            return {}
        self._fetch()
        self._refresh()
        found = {name: r.rewire() for name, r in self._rewirings.items()}
        self._send()
        return found

    # ------------------------------------------------------------ what launches get
    def _batch(
        self,
        examples: Examples,
        indices: np.ndarray,
        mode: Mode,
        share: float,
        brought: Brought,
    ) -> _Batch:
        layout, size, steps = self._layout, len(indices), examples.num_steps
        work = self._room(size, self._window(steps, mode), share)
        grid = self._grid(size)
        filled = to_fill(
            self._cupy, layout, size, steps, mode.records, self._is_forward
        )
        all_tapes = work.tapes | self._given.tapes(brought)
        tails = None
        if mode.keep_state and self._carried:
            last = self._carried
            tails = Tails(self._cupy, layout, last, size)
            work.blocks.set(last.state(layout, self._values, self._numbers, size))
        numbers = {
            "num_steps": steps,
            "batch": size,
            "first": 0,
            "last": steps,
            "seed": np.uint64(self._seed).astype(np.int64),
            "optimiser_scalars": address(self._rates),
            "gather": self.gather,
            "block": self.block,
            "carried": 1 + self._longest_delay,
            "shared": int(grid.shared > 0),
            "tail_steps": tails.steps if tails else 0,
            "counted": int(mode.backward),
            "dt": self._values.dt,
            "scale": 1.0 / max(_share(mode, indices).whole, 1),
        }
        tables = tapes.tables(all_tapes)
        tables |= tails.tables() if tails else {"tail_ids": [0], "tail_offsets": [0]}
        for part in (self._mirror, self._totals, work, filled):
            numbers |= part.numbers()
            tables |= part.tables()
        numbers |= self._given.numbers(brought)
        tables |= self._given.tables(brought, size)
        batch = _Batch(mode, grid, numbers, tables, filled, all_tapes, brought, tails)
        self._batch_run, self._stepping = batch, False
        return batch

    @property
    def _longest_delay(self) -> int:
        return max(self._values.max_delays.values(), default=0)

    def _window(self, steps: int, mode: Mode) -> int:
        """Steps that are kept: few, where nothing asks for what is over."""
        backward = mode.backward and not self.plan.online
        if backward or mode.spikes or mode.keep_state:
            return steps
        return min(self.block + 2 * (1 + self._longest_delay), steps)

    def _room(self, size: int, window: int, share: float) -> Workspace:
        """Memory for a batch: that of the last one, if it suits this one."""
        kept = self.block if self.plan.online else min(self.gather, window)
        shape = Shape(
            batch=size,
            window=window,
            floats=self._numbers.initial.size,
            length=kept + 1 + self._longest_delay,
            share=min(share, 1.0),
        )
        if self._workspace is None or self._workspace.shape != shape:
            self._workspace = None
            self._workspace = allocate(self._cupy, self._layout, shape)
        return self._workspace

    # ------------------------------------------------------------ what launches leave
    def _spikes(self, batch: _Batch, name: str) -> list[tuple[np.ndarray, np.ndarray]]:
        """Steps and neurons of a group's spikes, example by example."""
        found = self._given.played(batch.brought, name)
        if found is None:
            tape = batch.tapes[self._layout.tapes[name]]
            found = tape.ids.get(), tape.offsets.get()
        ids, offsets = found
        return tapes.spikes(ids, offsets, batch.numbers["num_steps"])

    def state(self, group: str, variable: str) -> np.ndarray:
        """A state variable of the batch that is being stepped, or ran last with
        ``Mode.state``: (examples, neurons)."""
        blocks = self._looked_at().blocks.get()
        row = self._layout.rows[group, variable]
        found = np.ascontiguousarray(blocks[:, row.offset : row.offset + row.size])
        return self._typed(group, variable, found)

    def set_state(self, group: str, variable: str, values: np.ndarray) -> None:
        """Replaces such a variable."""
        work = self._looked_at()
        blocks = work.blocks.get()
        row = self._layout.rows[group, variable]
        kind = TYPES[self._type(group, variable)]
        blocks.view(kind)[:, row.offset : row.offset + row.size] = values
        work.blocks.set(blocks)

    def _looked_at(self) -> Workspace:
        batch = self._batch_run
        kept = batch is not None and (self._stepping or batch.mode.state)
        if not kept or self._workspace is None:
            raise MlGennError(
                "no state is kept: no batch is being stepped, and none ran last of "
                "which it was asked for."
            )
        return self._workspace


def _share(mode: Mode, indices: np.ndarray) -> Share:
    """Which examples of the batch are run here."""
    return mode.share or Share(0, len(indices))
