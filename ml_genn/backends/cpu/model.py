"""Built plan on the embedded engine."""

from __future__ import annotations

import ctypes

import numpy as np

from ml_genn.backends.api import Processes
from ml_genn.backends.cpu.abi import Call
from ml_genn.backends.cpu.allreduce import Allreduce
from ml_genn.backends.cpu.batch import (
    Batch,
    BatchFactory,
    addresses,
    pointers,
    set_allreduce,
)
from ml_genn.backends.cpu.engine import Engine
from ml_genn.backends.cpu.examples import PreparedExamples, prepare
from ml_genn.backends.host.abi.call import Phase, Status
from ml_genn.backends.host.arrays.host_arrays import delay_rings
from ml_genn.backends.host.batch_data import slice_of
from ml_genn.backends.host.divergence import divergence
from ml_genn.backends.host.model import HostModel
from ml_genn.backends.host.state import STATE_TYPES, state_type, typed_state
from ml_genn.codegen.layout import Layout
from ml_genn.errors import MlGennError
from ml_genn.model.batch import (
    EventStream,
    Examples,
    RunOptions,
    RunResult,
    SpikeTimes,
)
from ml_genn.model.plan import PlanValues
from ml_genn.model.snapshot import Snapshot


class CpuModel(HostModel):
    """Runs a plan; see `ml_genn.backends.api.Model`.

    Args:
        layout: indices of the plan's values.
        values: the values.
        library: the compiled plan.
        threads: number of threads.
        seed: seed of random numbers.

    Attributes:
        block_steps: time steps after which online gradients are computed and old spikes
            are dropped. A block's spikes and gradients fit in the cache of a core.
        gradient_window: steps of the backward pass after which gradients of dense
            weights are summed. A gradient row is then read once for many steps.
    """

    block_steps = 128
    gradient_window = 256

    def __init__(
        self,
        layout: Layout,
        values: PlanValues,
        library: ctypes.CDLL,
        *,
        threads: int,
        seed: int,
    ) -> None:
        super().__init__(layout, values, seed)
        learned = [self._learned_array(array) for array in layout.learned]
        self._engine = Engine(
            library,
            threads,
            self._host_arrays.initial_state.size,
            [array.size for array in learned],
            layout.id_type,
        )
        self._call_arrays = {
            "arrays": pointers(self._host_arrays.arrays),
            "slots": pointers(self._optimiser_state),
            "delay_rings": delay_rings(layout, values, self._host_arrays.integers),
            "scalars": self._host_arrays.scalars,
            "integers": self._host_arrays.integers,
            "initial_state": self._host_arrays.initial_state,
            "loss_scalars": self._host_arrays.loss_scalars,
            "optimiser_scalars": self._optimiser_scalars,
            "state_not_finite": np.zeros(len(layout.plan.neurons) + 1, np.int32),
            "maxima": np.zeros(2 * len(learned) + 1, np.uint32),
        }
        template = Call(
            seed=seed,
            dt=values.dt,
            carryover_steps=1 + max(values.max_delays.values(), default=0),
            num_delay_rings=len(self._call_arrays["delay_rings"]),
            **addresses(self._call_arrays),
        )
        shapes = [array.shape for array in learned]
        self._factory = BatchFactory(layout, template, shapes)
        self._allreduce: Allreduce | None = None
        self._stepping: Batch | None = None
        self._readable_examples = 0  # of the last batch, whose state is kept

    @property
    def num_threads(self) -> int:
        """Number of threads that run batches."""
        return self._engine.num_threads

    def close(self) -> None:
        """Frees the engine's memory and ends its threads."""
        self._engine.close()

    def set_processes(self, processes: Processes | None) -> None:
        """Sets the processes that sum their gradients; None for one process."""
        self._allreduce = Allreduce(processes) if processes else None

    # ------------------------------------------------------------ learned values
    def set_weights(self, name: str, weights: np.ndarray) -> None:
        """Replaces the weights of a synapse group."""
        super().set_weights(name, weights)
        self._engine.learned_values_changed()

    def restore(self, snapshot: Snapshot) -> None:
        """Replaces the parameters by those of a snapshot.

        Raises:
            CheckpointError: if the snapshot does not fit; nothing has changed then.
        """
        super().restore(snapshot)
        self._engine.learned_values_changed()

    # ------------------------------------------------------------ examples
    def encode(self, spikes: SpikeTimes) -> EventStream | None:
        """Returns spikes as events; None if their times are not valid."""
        return self._engine.encode(spikes)

    def prepare(self, examples: Examples) -> PreparedExamples:
        """Returns examples with the addresses of their data."""
        return prepare(self._layout, examples)

    # ------------------------------------------------------------ running
    def run(
        self, prepared: PreparedExamples, indices: np.ndarray, options: RunOptions
    ) -> RunResult:
        """Runs the examples at ``indices`` as one batch, in one call."""
        batch = self._batch(prepared, indices, options)
        phases = Phase.BEGIN | Phase.FORWARD | Phase.END
        status = self._run(
            batch, phases | self._forward_phases(options) | self._end_phases(options)
        )
        return self._result(batch, status)

    def begin_manual_batch(
        self, prepared: PreparedExamples, indices: np.ndarray, options: RunOptions
    ) -> None:
        """Begins a batch that is run one time step at a time."""
        batch = self._batch(prepared, indices, options)
        phases = Phase.BEGIN | Phase.OWN_SLOTS | self._forward_phases(options)
        if options.continue_state:
            phases |= Phase.CONTINUE_STATE
        self._run(batch, phases)
        self._stepping = batch

    def step(self) -> None:
        """Runs the next time step of the batch."""
        batch = self._current()
        batch.call.first_step, batch.call.end_step = batch.step, batch.step + 1
        phases = Phase.FORWARD | Phase.OWN_SLOTS | self._forward_phases(batch.options)
        self._run(batch, phases)
        batch.step += 1

    def end_manual_batch(self) -> RunResult:
        """Ends the batch; runs the backward pass and the optimisers if requested."""
        batch = self._current()
        self._stepping = None
        phases = Phase.END | Phase.OWN_SLOTS | self._end_phases(batch.options)
        return self._result(batch, self._run(batch, phases))

    def _current(self) -> Batch:
        if self._stepping is None:
            raise MlGennError(
                "no batch is being stepped; call begin_manual_batch first"
            )
        return self._stepping

    def _batch(
        self, prepared: PreparedExamples, indices: np.ndarray, options: RunOptions
    ) -> Batch:
        batch_slice = slice_of(options, indices)
        batch = self._factory.batch(prepared, indices, options, batch_slice)
        call = batch.call
        call.example = self._examples_run.next(options.update, batch_slice)
        call.block_steps, call.gradient_window = self.block_steps, self.gradient_window
        if options.batch_slice and self._allreduce:
            set_allreduce(call, self._allreduce)
        self._readable_examples = len(indices) if options.expose_state else 0
        return batch

    def _forward_phases(self, options: RunOptions) -> Phase:
        """Returns the work besides the time steps themselves."""
        phases = Phase(0)
        if options.backward and self.plan.online:
            phases |= Phase.ONLINE
        if not options.spikes and (self.plan.online or not options.backward):
            phases |= Phase.DROP_SPIKES
        return phases

    def _end_phases(self, options: RunOptions) -> Phase:
        """Returns the work that follows the last time step."""
        phases = Phase(0)
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

    def _run(self, batch: Batch, phases: Phase) -> Status:
        batch.call.phases = phases
        status = self._engine.run(batch.call)
        if self._allreduce:
            self._allreduce.check()
        if status == Status.OUT_OF_MEMORY:
            raise MemoryError(
                "the engine ran out of memory; use a smaller batch or fewer time steps"
            )
        self._check_loops(status)
        return status

    def _result(self, batch: Batch, status: Status) -> RunResult:
        """Returns the results of a batch, after what follows an optimiser step."""
        not_finite = divergence(
            self._layout,
            status,
            self._call_arrays["state_not_finite"],
            self._call_arrays["maxima"][:-1],
        )
        updated = batch.options.update and not_finite is None
        rewirings = self._after_update() if updated else {}
        learned = zip(self._layout.learned, batch.gradients, strict=False)
        outputs = zip(self._layout.outputs, batch.outputs, strict=True)
        return RunResult(
            outputs={group.name: values for group, values in outputs},
            losses=batch.losses,
            divergence=not_finite,
            rewirings=rewirings,
            gradients={a: self._shapes.unpadded(a, values) for a, values in learned},
            records={
                record: typed_state(self.plan, record.group, record.variable, values)
                for record, values in batch.records.items()
            },
            spikes={name: self._spikes(batch, name) for name in batch.options.spikes},
        )

    def _spikes(self, batch: Batch, name: str) -> list[tuple[np.ndarray, np.ndarray]]:
        """Returns steps and neurons of a group's spikes, example by example."""
        tape, steps = self._layout.tapes[name], batch.call.num_steps
        return [self._engine.spikes(b, tape, steps) for b in range(batch.call.batch)]

    # ------------------------------------------------------------ state
    def state(self, group: str, variable: str) -> np.ndarray:
        """Returns a state variable, (examples, neurons).

        Of the batch that is being stepped, or of one that ran last with
        ``RunOptions.expose_state``.
        """
        rows = np.stack(self._state_rows(group, variable))
        return typed_state(self.plan, group, variable, rows)

    def set_state(self, group: str, variable: str, values: np.ndarray) -> None:
        """Replaces a state variable; see `state`."""
        rows = self._state_rows(group, variable)
        dtype = STATE_TYPES[state_type(self.plan, group, variable)]
        shape = len(rows), rows[0].size
        for row, row_values in zip(rows, np.broadcast_to(values, shape), strict=True):
            row.view(dtype)[...] = row_values

    def _state_rows(self, group: str, variable: str) -> list[np.ndarray]:
        """Returns views of a state variable, example by example."""
        indices = self._layout.rows[group, variable].indices
        count = self._readable_examples
        if self._stepping is not None:
            count = self._stepping.call.batch
        if not count:
            raise MlGennError(
                "no state is kept: no batch is being stepped, and none ran last of "
                "which it was asked for. Look at it in a callback's on_timestep_end or "
                "on_batch_end, or use neuron_populations once before the batch runs."
            )
        return [self._engine.state_block(b)[indices] for b in range(count)]
