"""A built plan on the embedded engine."""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ml_genn.backends.api import Processes
from ml_genn.backends.cpu import abi
from ml_genn.backends.cpu.abi import Call, Recording
from ml_genn.backends.cpu.allreduce import Sums
from ml_genn.backends.host.arrays import delay_rings
from ml_genn.backends.host.call import Phase, Status
from ml_genn.backends.host.model import TYPES, HostModel
from ml_genn.codegen.layout import Layout
from ml_genn.errors import MlGennError
from ml_genn.model.batch import (
    BatchSlice,
    Events,
    EventStream,
    Examples,
    Record,
    RunOptions,
    RunResult,
    SpikeTimes,
)
from ml_genn.model.plan import Values


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """Examples with the addresses of their spikes.

    Args:
        examples: what they were made from.
        table: a column for each: where the steps of its spikes are, where their neurons
            are, how many there are, each for all input groups, then where the numbers
            of driven groups are.
        kept: arrays that must live as long as their addresses are used.
    """

    examples: Examples
    table: np.ndarray
    kept: list[np.ndarray]


@dataclass(slots=True, eq=False)
class _Batch:
    """A call under way, with every array that its pointers point to."""

    call: Call
    options: RunOptions
    results: list[np.ndarray]
    losses: np.ndarray
    gradients: list[np.ndarray]
    records: dict[Record, np.ndarray]
    kept: list[object]
    step: int = 0


def _addresses(arrays: dict[str, np.ndarray]) -> dict[str, int]:
    return {name: array.ctypes.data for name, array in arrays.items()}


def _pointers(arrays: Sequence[np.ndarray | None]) -> np.ndarray:
    addresses = [0 if a is None else a.ctypes.data for a in arrays]
    return np.asarray([*addresses, 0], dtype=np.uintp)


class CpuModel(HostModel):
    """Runs a plan; see `ml_genn.backends.api.Model`.

    Attributes:
        block: steps that run before gradients are taken, where that is done while the
            network runs, and before what is over is forgotten.
        gather: steps of the backward pass after which gradients of dense synapses are
            taken.
    """

    block = 128
    gather = 256

    def __init__(
        self,
        layout: Layout,
        values: Values,
        library: ctypes.CDLL,
        *,
        threads: int,
        seed: int,
    ) -> None:
        super().__init__(layout, values, seed)
        self._library = library
        self._own = {
            "arrays": _pointers(self._host_arrays.arrays),
            "slots": _pointers(self._slots),
            "delay_rings": delay_rings(layout, values, self._host_arrays.integers),
            "scalars": self._host_arrays.scalars,
            "integers": self._host_arrays.integers,
            "initial_state": self._host_arrays.initial_state,
            "loss_scalars": self._host_arrays.loss_scalars,
            "optimiser_scalars": self._optimiser_scalars,
        }
        self._every_call = Call(
            seed=seed,
            dt=values.dt,
            carried=1 + max(values.max_delays.values(), default=0),
            num_delay_rings=len(self._own["delay_rings"]),
            **_addresses(self._own),
        )
        self._stepping: _Batch | None = None
        self._sums: Sums | None = None  # over processes
        self._kept = 0  # examples of the last batch, if their state is kept
        sizes = [self._learned(array).size for array in layout.learned]
        self._engine = library.mlg_create(
            threads,
            self._host_arrays.initial_state.size,
            (ctypes.c_int64 * len(sizes))(*sizes),
        )
        if not self._engine:
            raise MemoryError("the engine could not allocate its threads' memory")
        self._finalizer = weakref.finalize(self, library.mlg_destroy, self._engine)

    @property
    def num_threads(self) -> int:
        """Threads that run batches."""
        return int(self._library.mlg_threads(self._engine))

    def close(self) -> None:
        """Frees the engine's memory and ends its threads."""
        self._finalizer()
        self._engine = None

    # ------------------------------------------------------------ numbers
    def set_processes(self, processes: Processes | None) -> None:
        """Those that run batches together and sum their gradients; None for one."""
        self._sums = Sums(processes) if processes else None

    # ------------------------------------------------------------ examples
    def encode(self, spikes: SpikeTimes) -> EventStream | None:
        """Spikes as events; None where they are not in order or out of range."""
        times = np.ascontiguousarray(spikes.times, dtype=np.float64)
        ends = np.ascontiguousarray(spikes.ends, dtype=np.int64)
        request = abi.EncodeRequest(
            times.ctypes.data,
            ends.ctypes.data,
            ends.size,
            times.size,
            spikes.num_steps,
            spikes.dt,
            spikes.latest,
            spikes.tolerance,
        )
        steps = np.empty(times.size, dtype=np.int32)
        ids = np.empty(times.size, dtype=self._id_type)
        found = self._library.mlg_encode(
            ctypes.byref(request), steps.ctypes.data, ids.ctypes.data
        )
        return EventStream(steps[:found], ids[:found]) if found >= 0 else None

    def prepare(self, examples: Examples) -> Prepared:
        """Examples with the addresses of their spikes."""
        inputs, driven = self._layout.inputs, self._layout.analog_inputs
        rows = 3 * len(inputs) + len(driven)
        table = np.zeros((rows, examples.size), dtype=np.int64)
        prepared = Prepared(examples, table, [])
        for g, group in enumerate(inputs):
            for b, events in enumerate(examples.events[group.name]):
                self._place(
                    prepared, table[g : 3 * len(inputs) : len(inputs), b], events
                )
        for row, group in zip(table[3 * len(inputs) :], driven, strict=True):
            values = np.ascontiguousarray(examples.values[str(group.data)], np.float32)
            row[:] = values.ctypes.data + np.arange(examples.size) * values[0].nbytes
            prepared.kept.append(values)
        return prepared

    def _place(self, prepared: Prepared, entry: np.ndarray, events: Events) -> None:
        steps = np.ascontiguousarray(events.steps, dtype=np.int32)
        ids = np.ascontiguousarray(events.ids, dtype=self._id_type)
        entry[:] = steps.ctypes.data, ids.ctypes.data, len(steps)
        prepared.kept.extend((steps, ids))

    # ------------------------------------------------------------ running
    def run(
        self, prepared: Prepared, indices: np.ndarray, options: RunOptions
    ) -> RunResult:
        """Runs the examples at ``indices`` as one batch, in one call."""
        batch = self._batch(prepared, indices, options)
        batch.call.phases = Phase.BEGIN | Phase.FORWARD | Phase.END
        batch.call.phases |= self._running(options) | self._ending(options)
        return self._result(batch, self._run(batch))

    def begin_step(
        self, prepared: Prepared, indices: np.ndarray, options: RunOptions
    ) -> None:
        """Starts a batch that is advanced one time step at a time."""
        batch = self._batch(prepared, indices, options)
        batch.call.phases = Phase.BEGIN | Phase.OWN_SLOTS | self._running(options)
        if options.continue_state:
            batch.call.phases |= Phase.CONTINUE_STATE
        self._run(batch)
        self._stepping = batch

    def step(self) -> None:
        """Advances the batch by one time step."""
        batch = self._current()
        batch.call.first_step, batch.call.end_step = batch.step, batch.step + 1
        batch.call.phases = Phase.FORWARD | Phase.OWN_SLOTS
        batch.call.phases |= self._running(batch.options)
        self._run(batch)
        batch.step += 1

    def end_step(self) -> RunResult:
        """Ends the batch that was stepped."""
        batch = self._current()
        batch.call.phases = Phase.END | Phase.OWN_SLOTS | self._ending(batch.options)
        self._stepping = None
        return self._result(batch, self._run(batch))

    def state(self, group: str, variable: str) -> np.ndarray:
        """A state variable of the batch that is being stepped, or ran last with
        ``RunOptions.expose_state``: (examples, neurons)."""
        return self._typed(group, variable, np.stack(self._state(group, variable)))

    def set_state(self, group: str, variable: str, values: np.ndarray) -> None:
        """Replaces such a variable."""
        rows = self._state(group, variable)
        kind = TYPES[self._type(group, variable)]
        given = np.broadcast_to(values, (len(rows), rows[0].size))
        for row, numbers_of_row in zip(rows, given, strict=True):
            row.view(kind)[...] = numbers_of_row

    def _state(self, group: str, variable: str) -> list[np.ndarray]:
        """The memory of a state variable, example by example."""
        places = self._layout.rows[group, variable].indices
        kind = ctypes.c_float * self._layout.block_size
        blocks = [
            self._library.mlg_block(self._engine, b) for b in range(self._looked_at())
        ]
        return [np.ctypeslib.as_array(kind.from_address(b))[places] for b in blocks]

    def _looked_at(self) -> int:
        """How many examples have a state that is kept."""
        if self._stepping is None and not self._kept:
            raise MlGennError(
                "no state is kept: no batch is being stepped, and none ran last of "
                "which it was asked for. Look at it in a callback's on_timestep_end or "
                "on_batch_end, or use neuron_populations once before the batch runs."
            )
        return self._stepping.call.batch if self._stepping else self._kept

    def _current(self) -> _Batch:
        if self._stepping is None:
            raise MlGennError("no batch is being stepped; call begin_step first")
        return self._stepping

    def _running(self, options: RunOptions) -> int:
        """What is done beside running: taking gradients, forgetting what is over."""
        phases = 0
        if options.backward and self.plan.online:
            phases |= Phase.ONLINE
        if not options.spikes and (self.plan.online or not options.backward):
            phases |= Phase.DROP_SPIKES
        return phases

    def _ending(self, options: RunOptions) -> int:
        phases = 0
        if options.backward and not self.plan.online:
            phases |= Phase.BACKWARD
        if options.update:
            phases |= Phase.UPDATE
        if options.gradients:
            phases |= Phase.REDUCE
        if options.spikes or options.continue_state or options.expose_state:
            phases |= Phase.OWN_SLOTS
        if options.continue_state:
            phases |= Phase.CONTINUE_STATE
        return phases

    def _run(self, batch: _Batch) -> int:
        if self._engine is None:
            raise MlGennError(
                "the model was closed; compile the network again to run it"
            )
        status = int(self._library.mlg_run(self._engine, ctypes.byref(batch.call)))
        if self._sums:
            self._sums.check()
        if status == Status.OUT_OF_MEMORY:
            raise MemoryError(
                "the engine ran out of memory; use a smaller batch or fewer time steps"
            )
        return status

    def _batch(
        self, prepared: Prepared, indices: np.ndarray, options: RunOptions
    ) -> _Batch:
        examples = prepared.examples
        size, steps = len(indices), examples.num_steps
        self._kept = size if options.expose_state else 0
        results = [
            np.zeros((size, g.size), dtype=np.float32) for g in self._layout.outputs
        ]
        losses = np.zeros((size, max(len(results), 1)), dtype=np.float32)
        gradients = [
            np.zeros(self._learned(array).shape, dtype=np.float32)
            for array in (self._layout.learned if options.gradients else ())
        ]
        records = {r: self._record_array(r, size, steps) for r in options.records}
        kept: dict[str, np.ndarray] = {
            "results": _pointers(results),
            "weights": self._weights(examples, indices),
            "losses": losses,
        }
        targets = self._targets(examples, indices)
        kept["targets"] = _pointers(targets)
        if options.gradients:
            kept["gradients"] = _pointers(gradients)
        recordings = self._recordings(records)
        batch_slice = options.batch_slice or BatchSlice(0, size)
        call = Call.from_buffer_copy(self._every_call)
        call.num_steps = call.end_step = steps
        call.batch = size
        call.example = self._first_example(options.update, batch_slice)
        call.scale = 1.0 / max(batch_slice.total, 1)
        call.block, call.gradient_window = self.block, self.gather
        for name, address in _addresses(kept).items():
            setattr(call, name, address)
        chosen = np.take(prepared.table, indices, axis=1)
        start, part = (
            chosen.ctypes.data,
            len(self._layout.inputs) * size * chosen.itemsize,
        )
        call.event_steps, call.event_ids = start, start + part
        call.event_counts, call.values = start + 2 * part, start + 3 * part
        if options.batch_slice and self._sums:
            call.begin_allreduce = self._sums.begin
            call.end_allreduces = self._sums.end
            call.advance_allreduces = self._sums.advance
        call.num_recordings = len(records)
        call.recordings = ctypes.addressof(recordings)
        return _Batch(
            call,
            options,
            results,
            losses,
            gradients,
            records,
            [prepared, chosen, kept, targets, recordings],
        )

    def _recordings(self, records: dict[Record, np.ndarray]) -> ctypes.Array[Recording]:
        result = (Recording * max(len(records), 1))()
        for k, (record, array) in enumerate(records.items()):
            row = self._layout.rows[record.group, record.variable]
            backward = not self._is_forward(record)
            to = array.ctypes.data
            result[k] = Recording(row.offset, row.size, backward, row.stride, to)
        return result

    def _result(self, batch: _Batch, status: int) -> RunResult:
        outputs = [g.name for g in self._layout.outputs]
        gradients = {
            array: self._unpadded(array, values)
            for array, values in zip(
                self._layout.learned, batch.gradients, strict=False
            )
        }
        rewirings = {}
        if batch.options.update and status != Status.NOT_FINITE:
            self._refresh()
            rewirings = {n: r.rewire() for n, r in self._rewirings.items()}
        result = RunResult(
            outputs=dict(zip(outputs, batch.results, strict=True)),
            losses=batch.losses,
            finite=status != Status.NOT_FINITE,
            rewirings=rewirings,
            gradients=gradients,
            records={
                r: self._typed(r.group, r.variable, v) for r, v in batch.records.items()
            },
        )
        if not batch.options.spikes:
            return result
        spikes = {name: self._spikes(batch, name) for name in batch.options.spikes}
        return replace(result, spikes=spikes)

    def _spikes(self, batch: _Batch, name: str) -> list[tuple[np.ndarray, np.ndarray]]:
        tape, steps = self._layout.tapes[name], batch.call.num_steps
        kind = ctypes.c_uint16 if self._id_type is np.uint16 else ctypes.c_uint32
        result = []
        for b in range(batch.call.batch):
            address = self._library.mlg_spike_offsets(self._engine, b, tape)
            offsets = np.array((ctypes.c_uint32 * (steps + 1)).from_address(address))
            count = int(offsets[-1])
            ids = np.zeros(0, dtype=np.uint32)
            if count:
                address = self._library.mlg_spike_ids(self._engine, b, tape)
                ids = np.array((kind * count).from_address(address)).astype(np.uint32)
            result.append((np.repeat(np.arange(steps), np.diff(offsets)), ids))
        return result
