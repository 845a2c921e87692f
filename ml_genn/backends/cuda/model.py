"""A built plan on a GPU: a batch is one captured graph, each example a thread block."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np

from ml_genn.backends.cpu.host import TYPES, HostModel
from ml_genn.backends.cuda.call import RECORDING, Argument, Phase, Status, address
from ml_genn.backends.cuda.carried import Carried, carried
from ml_genn.backends.cuda.device import plain_errors
from ml_genn.backends.cuda.feed import Brought, Feed
from ml_genn.backends.cuda.flat import Flat
from ml_genn.backends.cuda.inputs import packed
from ml_genn.backends.cuda.launches import Launch, Launches
from ml_genn.backends.cuda.sums import sums
from ml_genn.backends.cuda.text import DeviceLayout
from ml_genn.backends.cuda.workspace import Shape, Tape, Workspace, allocate
from ml_genn.backends.seam import Processes
from ml_genn.errors import MlGennError
from ml_genn.model.batch import Examples, Mode, Outcome, Record, Share
from ml_genn.model.plan import LearnedKind, Values

SHARED_BYTES = 40 * 1024  #: of state that a block keeps in its shared memory
WARP = 32
MOST_PARTS = 8  #: blocks that share an example: votes have room for 128 warps
ENTIRE = Phase.FORWARD | Phase.END


@dataclass(slots=True, eq=False)
class _Batch:
    """A batch under way: what its launches are given, and what they fill."""

    mode: Mode
    numbers: dict[str, Any]
    tables: dict[str, list[int]]
    results: list[Any]
    losses: Any
    records: dict[Record, Any]
    tapes: dict[int, Tape]
    brought: Brought
    kept: list[Any]
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
        self._feed = Feed(cupy, self._stream, self._data)
        self._argument = Argument(cupy)
        self._workspace: Workspace | None = None
        self._batch_run: _Batch | None = None  # whose state can be looked at
        self._stepping = False
        self._stale = False  # whether numbers of the host are older than the device's
        self._closed = False
        self._carried: Carried | None = None  # from the last batch, if state is kept
        self._sums: Callable[[Any], None] | None = None  # over processes
        sizes = [self._learned(array).size for array in layout.learned]
        self._gradients = Flat(cupy, sizes)
        self._push = Flat(cupy, [group.size for group in layout.regularised])
        self._squares = cupy.zeros(len(sizes) + 1, dtype=np.float64)
        self._status = cupy.zeros(1, dtype=np.int32)
        self._fixed = {
            "learned_sizes": cupy.asarray(np.asarray([*sizes, 0], dtype=np.int64)),
            "scalars": cupy.asarray(self._numbers.scalars),
            "integers": cupy.asarray(self._numbers.integers),
            "initial": cupy.asarray(self._numbers.initial),
            "loss_scalars": cupy.asarray(self._numbers.loss_scalars),
            "optimiser_scalars": cupy.asarray(self._optimiser_scalars),
            "squares": self._squares,
            "status": self._status,
        }
        self._arrays = [cupy.asarray(a.reshape(-1)) for a in self._numbers.arrays]
        self._device_slots = [cupy.asarray(a.reshape(-1)) for a in self._slots]

    @property
    def num_threads(self) -> int:
        """Threads of a block."""
        largest = max(group.size for group in self.plan.neurons)
        return min(-(-max(largest, 2 * WARP) // WARP) * WARP, self.most_threads)

    def _parts(self, examples: int) -> int:
        """Blocks that run each example of a batch together."""
        largest = max(group.size for group in self.plan.neurons)
        if largest <= self.alone or not examples:
            return 1
        own = self._cupy.cuda.Device().attributes["MultiProcessorCount"]
        wanted = -(-largest // self.num_threads)
        return max(min(wanted, int(own) // examples, MOST_PARTS), 1)

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

    # ------------------------------------------------------------ numbers
    def _changing(self) -> list[tuple[np.ndarray, Any]]:
        """What training changes: host's array and device's."""
        at = [self._layout.array_of(array) for array in self._layout.learned]
        at += [
            self._layout.arrays["delay_steps", array.owner, ""]
            for array in self._layout.learned
            if array.kind is LearnedKind.DELAY
        ]
        arrays = self._numbers.arrays
        pairs = [(arrays[k], self._arrays[k]) for k in at]
        return pairs + list(zip(self._slots, self._device_slots, strict=True))

    def _fetch(self) -> None:
        if self._stale:
            with plain_errors(self._cupy):
                for host, device in self._changing():
                    host[...] = device.get().reshape(host.shape)
            self._stale = False

    def _send(self) -> None:
        with plain_errors(self._cupy):
            self._fixed["scalars"].set(self._numbers.scalars)
            for host, device in zip(self._numbers.arrays, self._arrays, strict=True):
                device.set(host.reshape(-1))
            for host, device in zip(self._slots, self._device_slots, strict=True):
                device.set(host.reshape(-1))

    # ------------------------------------------------------------ running
    def prepare(self, examples: Examples) -> Examples:
        """Examples as they are; batches are packed when they are brought."""
        return examples

    def run(self, prepared: Examples, indices: np.ndarray, mode: Mode) -> Outcome:
        """Runs the examples at ``indices`` as one batch."""
        self._check(mode)
        share = mode.share or Share(0, len(indices))
        first = self._first_example(mode.update, share)
        with plain_errors(self._cupy), self._stream:
            self._fixed["optimiser_scalars"].set(self._optimiser_scalars)
            brought = self._feed.take(prepared, indices)
            while True:
                batch = self._batch(prepared, indices, mode, self.share, brought)
                batch.numbers["example"] = first
                batch.numbers["scale"] = 1.0 / max(share.whole, 1)
                given = self._argument.put(batch.numbers, batch.tables)
                running = self._start(mode) | self._running(mode) | ENTIRE
                stages = self._stages(batch, running)
                self._launches.go(stages[0], given)
                if mode.ahead is not None:
                    self._feed.ahead(prepared, mode.ahead)
                    mode = replace(mode, ahead=None)
                if not self._status_now() & Status.FULL:
                    break
                self.share *= 4
                self._workspace = None
            self._sum_and_go(stages[1:], given)
            return self._end(batch)

    def _start(self, mode: Mode) -> Phase:
        """What comes first: nothing where a batch goes on from the last one."""
        return Phase(0) if mode.keep_state and self._carried else Phase.BEGIN

    def _running(self, mode: Mode) -> Phase:
        """What is done while the network runs, beside running."""
        return Phase.ONLINE if mode.backward and self.plan.online else Phase(0)

    def _stages(self, batch: _Batch, first: Phase) -> list[tuple[Launch, ...]]:
        """Launches that go forward through a batch, back, and take the step: in stages,
        between which processes sum what they found, or in one."""
        mode = batch.mode
        clear = [self._short("mlg_clear")] if first & Phase.FORWARD else []
        stages = [(*clear, *self._long(batch, first))]
        if mode.backward and not self.plan.online:
            push = [self._short("mlg_regularise")] if self._push.sizes else []
            stages.append((*push, *self._long(batch, Phase.BACKWARD)))
        if mode.update:
            norms = any(update.norms for update in self.plan.updates)
            squares = [self._short("mlg_squares")] if norms else []
            stages.append((*squares, self._short("mlg_update")))
        together = self._sums is not None and mode.share is not None and mode.update
        return stages if together else [tuple(chain(*stages))]

    def _sum_and_go(self, stages: Sequence[tuple[Launch, ...]], given: Any) -> None:
        """The stages after the first, where several processes run the batch."""
        if self._sums is None:
            return
        found = [[self._gradients.array, self._status]]
        if not self.plan.online:
            found.insert(0, [self._push.array] if self._push.sizes else [])
        for arrays, stage in zip(found, stages, strict=False):
            for array in arrays:
                self._sums(array)
            self._launches.go(stage, given)

    def _short(self, kernel: str) -> Launch:
        """A launch that goes through all weights, or all neurons."""
        return Launch(kernel, self.update_blocks, self.num_threads)

    def _long(self, batch: _Batch, phases: Phase) -> tuple[Launch, ...]:
        """The launch of a batch's examples, if there are any."""
        blocks = batch.numbers["batch"]
        shared = 4 * self._numbers.initial.size if batch.numbers["shared"] else 0
        parts = self._parts(blocks)
        run = Launch("mlg_run", blocks, self.num_threads, int(phases), shared, parts)
        return (run,) if blocks else ()

    def _status_now(self) -> int:
        """How the batch stands, once what was launched is through."""
        return int(self._status.get()[0])

    def begin_step(self, prepared: Examples, indices: np.ndarray, mode: Mode) -> None:
        """Starts a batch that is advanced one time step at a time."""
        self._check(mode)
        share = mode.share or Share(0, len(indices))
        with plain_errors(self._cupy), self._stream:
            brought = self._feed.take(prepared, indices)
            batch = self._batch(prepared, indices, mode, 1.0, brought)
            batch.numbers["example"] = self._first_example(mode.update, share)
            batch.numbers["scale"] = 1.0 / max(share.whole, 1)
            begin = self._long(batch, Phase.BEGIN) if self._start(mode) else ()
            self._now(batch, self._short("mlg_clear"), *begin)
        self._stepping = True

    def step(self) -> None:
        """Advances the batch by one time step."""
        batch = self._current()
        batch.numbers["first"], batch.numbers["last"] = batch.step, batch.step + 1
        with plain_errors(self._cupy), self._stream:
            phases = Phase.FORWARD | self._running(batch.mode)
            self._now(batch, *self._long(batch, phases))
        batch.step += 1

    def end_step(self) -> Outcome:
        """Ends the batch that was stepped."""
        batch = self._current()
        self._stepping = False
        with plain_errors(self._cupy), self._stream:
            self._fixed["optimiser_scalars"].set(self._optimiser_scalars)
            given = self._argument.put(batch.numbers, batch.tables)
            stages = self._stages(batch, Phase.END)
            self._launches.go(stages[0], given)
            self._sum_and_go(stages[1:], given)
            return self._end(batch)

    def _check(self, mode: Mode) -> None:
        if self._closed:
            raise MlGennError(
                "the model was closed; compile the network again to run it"
            )

    def _current(self) -> _Batch:
        if self._batch_run is None or not self._stepping:
            raise MlGennError("no batch is being stepped; call begin_step first")
        return self._batch_run

    def _now(self, batch: _Batch, *launches: Launch) -> None:
        """Launches what comes once only, and waits for it."""
        given = self._argument.put(batch.numbers, batch.tables)
        self._launches.each(launches, given)
        self._stream.synchronize()

    def _end(self, batch: _Batch) -> Outcome:
        """What a batch gives, once it is through."""
        mode = batch.mode
        finite = self._status_now() == Status.FINE
        gradients = {}
        if mode.gradients:
            gradients = {
                array: self._unpadded(array, values.reshape(self._learned(array).shape))
                for array, values in zip(
                    self._layout.learned, self._gradients.get(), strict=True
                )
            }
        rewirings = self._updated() if mode.update and finite else {}
        if mode.keep_state and self._workspace:
            self._carried = carried(
                self._workspace.blocks.get(),
                {name: self._spikes(batch, name) for name in self._layout.tapes},
                batch.numbers["num_steps"],
                max(self._values.max_delays.values(), default=0),
                self._carried,
            )
        outputs = [g.name for g in self._layout.outputs]
        results = [r.get() for r in batch.results]
        records = {
            r: self._typed(r.group, r.variable, a.get())
            for r, a in batch.records.items()
        }
        return Outcome(
            results=dict(zip(outputs, results, strict=True)),
            losses=batch.losses.get(),
            finite=finite,
            gradients=gradients,
            records=records,
            rewirings=rewirings,
            spikes={name: self._spikes(batch, name) for name in mode.spikes},
        )

    def _updated(self) -> dict[str, tuple[int, int]]:
        """What follows a step on the host: constants of learned parameters, and
        synapses that change places."""
        self._stale = True
        kinds = {array.kind for array in self._layout.learned}
        if not self._rewirings and LearnedKind.PARAMETER not in kinds:
            return {}
        self._fetch()
        self._refresh()
        found = {name: r.rewire() for name, r in self._rewirings.items()}
        self._send()
        return found

    # ------------------------------------------------------------ what launches get
    def _data(self, examples: Examples, indices: np.ndarray) -> list[np.ndarray | None]:
        """What comes with examples: packed spikes, numbers, targets, weights."""
        found: list[np.ndarray | None] = []
        for group in self._layout.inputs:
            events = [examples.events[group.name][b] for b in indices]
            found += packed(events, examples.num_steps, self._id_type)
        for group in self._layout.driven:
            given = examples.values[str(group.data)][indices]
            found.append(np.ascontiguousarray(given, dtype=np.float32))
        found += self._targets(examples, indices)
        return [*found, self._weights(examples, indices)]

    def _batch(
        self,
        examples: Examples,
        indices: np.ndarray,
        mode: Mode,
        share: float,
        brought: Brought,
    ) -> _Batch:
        cupy, layout, size = self._cupy, self._layout, len(indices)
        steps = examples.num_steps
        work = self._room(size, self._window(steps, mode), share)
        results = [cupy.zeros((size, g.size), dtype=np.float32) for g in layout.outputs]
        losses = cupy.zeros((size, max(len(results), 1)), dtype=np.float32)
        loss_sums = cupy.zeros((size, max(len(results), 1)), dtype=np.float32)
        records = {
            r: cupy.asarray(self._record_array(r, size, steps)) for r in mode.records
        }
        recordings = cupy.asarray(self._recordings(records))
        tapes = self._tapes(work, brought)
        goes_on = self._carried if mode.keep_state else None
        tails = self._tails(goes_on, size) if goes_on else []
        if goes_on:
            state = goes_on.state(layout, self._values, self._numbers, size)
            work.blocks.set(state)
        *_, weights = brought.places
        driven = 2 * len(layout.inputs)
        outputs = driven + len(layout.driven)
        floats = self._numbers.initial.size
        numbers = {
            "num_steps": steps,
            "batch": size,
            "first": 0,
            "last": steps,
            "seed": np.uint64(self._seed).astype(np.int64),
            "weights": weights,
            "losses": address(losses),
            "loss_sums": address(loss_sums),
            "blocks": address(work.blocks),
            "floats": floats,
            "window": work.shape.window,
            "block": self.block,
            "carried": self._carried_steps,
            **{name: address(array) for name, array in work.online.items()},
            "flags": address(work.flags),
            "length": work.shape.length,
            "gather": self.gather,
            "shared": int(4 * floats <= SHARED_BYTES and self._parts(size) == 1),
            "num_recordings": len(records),
            "recordings": address(recordings),
            "tail_steps": goes_on.tail if goes_on else 0,
            "counted": int(mode.backward),
            "dt": self._values.dt,
            **{name: address(array) for name, array in self._fixed.items()},
        }
        ordered = [tapes[k] for k in sorted(tapes)]
        shapes = [n for tape in ordered for n in (tape.capacity, tape.numbers)]
        tables = {
            "arrays": _addresses(self._arrays),
            "values": self._starts(brought, driven, outputs, size),
            "targets": [*brought.places[outputs:-1], 0],
            "results": _addresses(results),
            "slots": _addresses(self._device_slots),
            "gradients": self._gradients.places(),
            "push": self._push.places(),
            "tape_ids": _addresses(tape.ids for tape in ordered),
            "tape_offsets": _addresses(tape.offsets for tape in ordered),
            "tape_records": _addresses(tape.records for tape in ordered),
            "tape_shapes": shapes,
            "tail_ids": _addresses(ids for ids, _ in tails),
            "tail_offsets": _addresses(offsets for _, offsets in tails),
            "drive": _addresses(work.drive),
            "history": _addresses(work.history),
            "slopes": _addresses(work.slopes),
        }
        held = [loss_sums, recordings, tails]
        batch = _Batch(
            mode, numbers, tables, results, losses, records, tapes, brought, held
        )
        self._batch_run, self._stepping = batch, False
        return batch

    @property
    def _carried_steps(self) -> int:
        """Steps in which spikes are on their way, at most."""
        return 1 + max(self._values.max_delays.values(), default=0)

    def _window(self, steps: int, mode: Mode) -> int:
        """Steps that are kept: few, where nothing asks for what is over."""
        backward = mode.backward and not self.plan.online
        if backward or mode.spikes or mode.keep_state:
            return steps
        return min(self.block + 2 * self._carried_steps, steps)

    def _room(self, size: int, window: int, share: float) -> Workspace:
        """Memory for a batch: that of the last one, if it suits this one."""
        kept = self.block if self.plan.online else min(self.gather, window)
        shape = Shape(
            batch=size,
            window=window,
            floats=self._numbers.initial.size,
            length=kept + self._carried_steps,
            share=min(share, 1.0),
        )
        if self._workspace is None or self._workspace.shape != shape:
            self._workspace = None
            self._workspace = allocate(self._cupy, self._layout, shape)
        return self._workspace

    def _tails(self, last: Carried, size: int) -> list[tuple[Any, Any]]:
        """The last spikes of the batch before, tape by tape; none of active neurons."""
        cupy, found = self._cupy, []
        for name in self._layout.tapes:
            given = packed(last.last(name, size), last.tail, self._id_type)
            found.append(tuple(cupy.asarray(array) for array in given))
        return [*found, *[(None, None)] * len(self._layout.active_tapes)]

    def _tapes(self, work: Workspace, brought: Brought) -> dict[int, Tape]:
        """All tapes, those of input spikes with the batch's."""
        tapes = dict(work.tapes)
        for k, group in enumerate(self._layout.inputs):
            ids, offsets = brought.places[2 * k : 2 * k + 2]
            tapes[self._layout.tapes[group.name]] = Tape(ids, offsets, 0, 0, 0)
        return tapes

    def _starts(self, brought: Brought, first: int, last: int, size: int) -> list[int]:
        """Where the numbers start that each example gives to each group."""
        found = []
        for k in range(first, last):
            given = brought.arrays[k]
            row = 0 if given is None else given.nbytes // max(size, 1)
            found += [brought.places[k] + row * b for b in range(size)]
        return found

    def _recordings(self, records: dict[Record, Any]) -> np.ndarray:
        found = np.zeros(len(records) + 1, dtype=RECORDING)
        for k, (record, array) in enumerate(records.items()):
            row = self._layout.rows[record.group, record.variable]
            backward = not self._is_forward(record)
            found[k] = row.offset, row.size, backward, address(array)
        return found.view(np.int64)

    # ------------------------------------------------------------ what launches leave
    def _spikes(self, batch: _Batch, name: str) -> list[tuple[np.ndarray, np.ndarray]]:
        steps = batch.numbers["num_steps"]
        played = [group.name for group in self._layout.inputs]
        if name in played:
            k = 2 * played.index(name)
            ids, starts = batch.brought.arrays[k : k + 2]
            own = [ids] * len(starts)
        else:
            tape = batch.tapes[self._layout.tapes[name]]
            own, starts = tape.ids.get(), tape.offsets.get()
        found = []
        for ids, row in zip(own, starts[:, : steps + 1].astype(np.int64), strict=True):
            neurons = ids[row[0] : row[-1]].astype(np.uint32)
            found.append((np.repeat(np.arange(steps), np.diff(row)), neurons))
        return found

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


def _addresses(arrays: Any) -> list[int]:
    """Addresses as a table ends: with one that is nowhere."""
    return [*(address(array) for array in arrays), 0]
