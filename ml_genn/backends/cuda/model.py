"""A built plan on a GPU: a batch is a few launches, each example a thread block."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ml_genn.backends.cpu.host import TYPES, HostModel
from ml_genn.backends.cuda.call import RECORDING, Argument, Phase, address
from ml_genn.backends.cuda.device import plain_errors
from ml_genn.backends.cuda.inputs import packed
from ml_genn.backends.cuda.scope import REMEDY
from ml_genn.backends.cuda.text import DeviceLayout
from ml_genn.backends.cuda.workspace import Shape, Tape, Workspace, allocate
from ml_genn.errors import MlGennError, UnsupportedError
from ml_genn.model.batch import Examples, Mode, Outcome, Record, Share
from ml_genn.model.plan import LearnedKind, Values

KERNELS = ("mlg_run", "mlg_regularise", "mlg_squares", "mlg_update")
SHARED_BYTES = 40 * 1024  #: of state that a block keeps in its shared memory
WARP = 32


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
    kept: list[Any]
    step: int = 0


class CudaModel(HostModel):
    """Runs a plan; see `ml_genn.backends.seam.Model`.

    Attributes:
        most_threads: threads of a block, at most; a whole number of warps.
        update_blocks: blocks of threads that take the optimisers' step.
        gather: steps of the backward pass after which gradients of dense synapses are
            taken.
        share: share of the neurons of each step for which tapes have room at first;
            they grow.
    """

    most_threads = 512
    update_blocks = 256
    gather = 32
    share = 0.1

    def __init__(
        self,
        layout: DeviceLayout,
        values: Values,
        cupy: Any,
        module: Any,
        *,
        seed: int,
    ) -> None:
        super().__init__(layout, values, seed)
        self._cupy = cupy
        self._kernels = {name: module.get_function(name) for name in KERNELS}
        self._argument = Argument(cupy)
        self._workspace: Workspace | None = None
        self._batch_run: _Batch | None = None  # whose state can be looked at
        self._stepping = False
        self._stale = False  # whether numbers of the host are older than the device's
        self._closed = False
        learned = [self._learned(array) for array in layout.learned]
        self._gradients = [cupy.zeros(a.size, dtype=np.float32) for a in learned]
        self._push = [cupy.zeros(g.size, dtype=np.float32) for g in layout.regularised]
        self._squares = cupy.zeros(len(learned) + 1, dtype=np.float64)
        self._norms = cupy.zeros(len(learned) + 1, dtype=np.float32)
        self._status = cupy.zeros(1, dtype=np.int32)
        sizes = np.asarray([*(a.size for a in learned), 0], dtype=np.int64)
        self._fixed = {
            "learned_sizes": cupy.asarray(sizes),
            "scalars": cupy.asarray(self._numbers.scalars),
            "integers": cupy.asarray(self._numbers.integers),
            "initial": cupy.asarray(self._numbers.initial),
            "loss_scalars": cupy.asarray(self._numbers.loss_scalars),
            "optimiser_scalars": cupy.asarray(self._optimiser_scalars),
            "squares": self._squares,
            "norms": self._norms,
            "status": self._status,
        }
        self._arrays = [cupy.asarray(a.reshape(-1)) for a in self._numbers.arrays]
        self._device_slots = [cupy.asarray(a.reshape(-1)) for a in self._slots]

    @property
    def num_threads(self) -> int:
        """Threads of a block."""
        largest = max(group.size for group in self.plan.neurons)
        return min(-(-max(largest, 2 * WARP) // WARP) * WARP, self.most_threads)

    def close(self) -> None:
        """Frees the memory that batches use."""
        self._workspace = None
        self._batch_run = None
        self._closed = True

    def set_all_sum(self, all_sum: Callable[[np.ndarray], None] | None) -> None:
        """Refused: one process trains on a GPU.

        Raises:
            UnsupportedError: if there are several.
        """
        if all_sum is not None:
            raise UnsupportedError(
                "backend 'cuda' does not sum gradients over processes. Leave "
                f"communicator out. {REMEDY}"
            )

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
        """Examples as they are; batches are packed when they run."""
        return examples

    def run(self, prepared: Examples, indices: np.ndarray, mode: Mode) -> Outcome:
        """Runs the examples at ``indices`` as one batch."""
        self._check(mode)
        share = mode.share or Share(0, len(indices))
        first = self._first_example(mode.update, share)
        with plain_errors(self._cupy):
            fits = False
            while not fits:
                batch = self._batch(prepared, indices, mode, self.share)
                batch.numbers["example"] = first
                batch.numbers["scale"] = 1.0 / max(share.whole, 1)
                self._clear()
                fits = self._go(batch, Phase.BEGIN | Phase.FORWARD | Phase.END)
                if not fits:
                    self.share *= 4
                    self._workspace = None
            return self._end(batch)

    def begin_step(self, prepared: Examples, indices: np.ndarray, mode: Mode) -> None:
        """Starts a batch that is advanced one time step at a time."""
        self._check(mode)
        share = mode.share or Share(0, len(indices))
        with plain_errors(self._cupy):
            batch = self._batch(prepared, indices, mode, 1.0)
            batch.numbers["example"] = self._first_example(mode.update, share)
            batch.numbers["scale"] = 1.0 / max(share.whole, 1)
            self._clear()
            self._go(batch, Phase.BEGIN)
        self._stepping = True

    def step(self) -> None:
        """Advances the batch by one time step."""
        batch = self._current()
        batch.numbers["first"], batch.numbers["last"] = batch.step, batch.step + 1
        with plain_errors(self._cupy):
            self._go(batch, Phase.FORWARD)
        batch.step += 1

    def end_step(self) -> Outcome:
        """Ends the batch that was stepped."""
        batch = self._current()
        self._stepping = False
        with plain_errors(self._cupy):
            self._go(batch, Phase.END)
            return self._end(batch)

    def _check(self, mode: Mode) -> None:
        if self._closed:
            raise MlGennError(
                "the model was closed; compile the network again to run it"
            )
        if mode.keep_state:
            raise UnsupportedError(
                "backend 'cuda' starts each batch anew; "
                f"reset_vars_between_batches=False is not supported. {REMEDY}"
            )

    def _current(self) -> _Batch:
        if self._batch_run is None or not self._stepping:
            raise MlGennError("no batch is being stepped; call begin_step first")
        return self._batch_run

    def _clear(self) -> None:
        for array in (*self._gradients, *self._push, self._status, self._squares):
            array.fill(0)

    def _go(self, batch: _Batch, phases: Phase) -> bool:
        """A launch for all examples; whether their spikes fitted on the tapes."""
        batch.numbers["phases"] = int(phases)
        shared = 4 * self._numbers.initial.size if batch.numbers["shared"] else 0
        self._launch("mlg_run", batch, batch.numbers["batch"], shared)
        return not self._status.get()[0]

    def _launch(self, name: str, batch: _Batch, blocks: int, shared: int = 0) -> None:
        given = self._argument.put(batch.numbers, batch.tables)
        self._kernels[name]((blocks,), (self.num_threads,), (given,), shared_mem=shared)

    def _end(self, batch: _Batch) -> Outcome:
        """The way back and the optimisers' step, where they are asked for."""
        mode = batch.mode
        if mode.backward:
            if self._push:
                self._launch("mlg_regularise", batch, self.update_blocks)
            self._go(batch, Phase.BACKWARD)
        losses = batch.losses.get()
        finite = bool(np.isfinite(losses).all())
        gradients = {}
        if mode.gradients:
            gradients = {
                array: self._unpadded(
                    array, g.get().reshape(self._learned(array).shape)
                )
                for array, g in zip(self._layout.learned, self._gradients, strict=True)
            }
        if mode.update and finite:
            self._update(batch)
        outputs = [g.name for g in self._layout.outputs]
        results = [r.get() for r in batch.results]
        records = {
            r: self._typed(r.group, r.variable, a.get())
            for r, a in batch.records.items()
        }
        outcome = Outcome(
            results=dict(zip(outputs, results, strict=True)),
            losses=losses,
            finite=finite,
            gradients=gradients,
            records=records,
        )
        spikes = {name: self._spikes(batch, name) for name in mode.spikes}
        return replace(outcome, spikes=spikes)

    def _update(self, batch: _Batch) -> None:
        self._fixed["optimiser_scalars"].set(self._optimiser_scalars)
        if any(update.norms for update in self.plan.updates):
            self._launch("mlg_squares", batch, self.update_blocks)
            squares = self._squares.get()
            squares[-1] = squares.sum()
            self._norms.set(np.sqrt(squares).astype(np.float32))
        self._launch("mlg_update", batch, self.update_blocks)
        self._stale = True
        if any(a.kind is LearnedKind.PARAMETER for a in self._layout.learned):
            self._fetch()
            self._refresh()
            self._send()

    # ------------------------------------------------------------ what launches get
    def _batch(
        self, examples: Examples, indices: np.ndarray, mode: Mode, share: float
    ) -> _Batch:
        cupy, layout, size = self._cupy, self._layout, len(indices)
        steps = examples.num_steps
        work = self._room(size, steps, share)
        results = [cupy.zeros((size, g.size), dtype=np.float32) for g in layout.outputs]
        losses = cupy.zeros((size, max(len(results), 1)), dtype=np.float32)
        sums = cupy.zeros((size, max(len(results), 1)), dtype=np.float32)
        records = {
            r: cupy.asarray(self._record_array(r, size, steps)) for r in mode.records
        }
        recordings = cupy.asarray(self._recordings(records))
        given = [
            None if target is None else cupy.asarray(target)
            for target in self._targets(examples, indices)
        ]
        weights = cupy.asarray(self._weights(examples, indices))
        tapes = self._tapes(work, examples, indices)
        values = self._values_of(examples, indices)
        floats = self._numbers.initial.size
        numbers = {
            "num_steps": steps,
            "batch": size,
            "first": 0,
            "last": steps,
            "seed": np.uint64(self._seed).astype(np.int64),
            "weights": address(weights),
            "losses": address(losses),
            "loss_sums": address(sums),
            "blocks": address(work.blocks),
            "floats": floats,
            "flags": address(work.flags),
            "length": work.shape.length,
            "gather": self.gather,
            "shared": int(4 * floats <= SHARED_BYTES),
            "num_recordings": len(records),
            "recordings": address(recordings),
            "dt": self._values.dt,
            **{name: address(array) for name, array in self._fixed.items()},
        }
        ordered = [tapes[k] for k in sorted(tapes)]
        shapes = [n for tape in ordered for n in (tape.capacity, tape.numbers)]
        tables = {
            "arrays": _addresses(self._arrays),
            "values": [address(a) + p for a, each in values for p in each],
            "targets": _addresses(given),
            "results": _addresses(results),
            "slots": _addresses(self._device_slots),
            "gradients": _addresses(self._gradients),
            "push": _addresses(self._push),
            "tape_ids": _addresses(tape.ids for tape in ordered),
            "tape_offsets": _addresses(tape.offsets for tape in ordered),
            "tape_records": _addresses(tape.records for tape in ordered),
            "tape_shapes": shapes,
            "drive": _addresses(work.drive),
            "history": _addresses(work.history),
            "slopes": _addresses(work.slopes),
        }
        held = [sums, recordings, given, weights, values]
        batch = _Batch(mode, numbers, tables, results, losses, records, tapes, held)
        self._batch_run, self._stepping = batch, False
        return batch

    def _room(self, size: int, steps: int, share: float) -> Workspace:
        """Memory for a batch: that of the last one, if it suits this one."""
        longest = max(self._values.max_delays.values(), default=0)
        shape = Shape(
            batch=size,
            steps=steps,
            floats=self._numbers.initial.size,
            length=min(self.gather, steps) + 1 + longest,
            share=min(share, 1.0),
        )
        if self._workspace is None or self._workspace.shape != shape:
            self._workspace = None
            self._workspace = allocate(self._cupy, self._layout, shape)
        return self._workspace

    def _tapes(
        self, work: Workspace, examples: Examples, indices: np.ndarray
    ) -> dict[int, Tape]:
        """All tapes, those of input spikes with the batch's."""
        tapes = dict(work.tapes)
        for group in self._layout.inputs:
            events = [examples.events[group.name][b] for b in indices]
            ids, offsets = packed(events, examples.num_steps, self._id_type)
            arrays = self._cupy.asarray(ids), self._cupy.asarray(offsets)
            tapes[self._layout.tapes[group.name]] = Tape(*arrays, None, 0, 0)
        return tapes

    def _values_of(
        self, examples: Examples, indices: np.ndarray
    ) -> list[tuple[Any, np.ndarray]]:
        """Numbers that groups are given, and where those of each example start."""
        found = []
        for group in self._layout.driven:
            given = np.ascontiguousarray(
                examples.values[str(group.data)][indices], dtype=np.float32
            )
            places = np.arange(len(indices)) * (given.nbytes // max(len(indices), 1))
            found.append((self._cupy.asarray(given), places))
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
        tape, steps = batch.tapes[self._layout.tapes[name]], batch.numbers["num_steps"]
        offsets = tape.offsets.get()[:, : steps + 1].astype(np.int64)
        ids = tape.ids.get()
        found = []
        for b, row in enumerate(offsets):
            own = ids[b] if tape.capacity else ids
            neurons = own[row[0] : row[-1]].astype(np.uint32)
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
