"""A built plan on PyGeNN."""

from __future__ import annotations

import shutil
import weakref
from collections.abc import Mapping, Sequence
from tempfile import mkdtemp
from typing import Any

import numpy as np

from ml_genn.backends.api import Processes
from ml_genn.backends.pygenn.backward import neurons as backward
from ml_genn.backends.pygenn.library import ONE_EXAMPLE, TIMING, pygenn
from ml_genn.backends.pygenn.lowering import custom_updates as updates
from ml_genn.backends.pygenn.lowering.lower import lower
from ml_genn.backends.pygenn.online.synapses import LEARNS
from ml_genn.backends.pygenn.online.traces import traces_of
from ml_genn.backends.pygenn.runtime import checkpoint as snapshots
from ml_genn.backends.pygenn.runtime import online_targets as targets
from ml_genn.backends.pygenn.runtime import optimisers as learning
from ml_genn.backends.pygenn.runtime.batch import Between, Running
from ml_genn.backends.pygenn.runtime.build import build
from ml_genn.backends.pygenn.runtime.device import Device
from ml_genn.backends.pygenn.runtime.parameters import Kept
from ml_genn.errors import MlGennError, UnsupportedError, ValidationError
from ml_genn.model.batch import (
    EventStream,
    Examples,
    Record,
    RunOptions,
    RunResult,
    SpikeTimes,
)
from ml_genn.model.plan import Learned, LearnedKind, Plan, Values
from ml_genn.model.snapshot import Snapshot


class PyGennModel:
    """Runs a plan; see `ml_genn.backends.api.Model`.

    Attributes:
        genn_model: the PyGeNN model.
    """

    def __init__(
        self,
        plan: Plan,
        values: Values,
        *,
        device: str | None,
        batch_size: int,
        seed: int,
        arguments: Mapping[str, Any],
    ) -> None:
        self.plan = plan
        lowering = lower(plan, values)
        library = pygenn()
        timing = arguments.get(TIMING, False)
        given = {name: x for name, x in arguments.items() if name != TIMING}
        model = library.GeNNModel("float", "ml_genn", backend=device, **given)
        if model.backend_name == ONE_EXAMPLE and batch_size > 1:
            raise ValidationError(
                f"PyGeNN's backend '{ONE_EXAMPLE}' runs one example at a time. "
                f"Received batch_size={batch_size}. Use batch_size=1, a GPU with "
                "backend='cuda', or backend='cpu', our own engine, which takes any."
            )
        model.timing_enabled = timing
        model.dt = values.dt
        model.batch_size = batch_size
        model.seed = seed % (2**32 - 1) + 1
        built = build(library, model, lowering)
        folder = mkdtemp(prefix="ml_genn_pygenn_")
        self._finalizer = weakref.finalize(self, shutil.rmtree, folder, True)
        model.build(folder)
        self.genn_model: Any = model
        self._device = Device(built, lowering, batch_size, values.dt)
        self._kept = Kept(plan, values, self._device, seed)
        self._between = Between(plan, values, self._device)
        self._values = values
        self._outputs = [g for g in plan.neurons if g.readout]
        self._lag = max((t.lag for t in traces_of(plan, values).values()), default=0)
        self._scalars = np.zeros(sum(len(u.scalars) for u in plan.updates))
        self._running: Running | None = None
        self._last: Running | None = None

    def close(self) -> None:
        """Frees the model's memory and removes what was built."""
        self._device.unload()
        self._finalizer()

    # ------------------------------------------------------------ numbers
    def weights(self, name: str) -> np.ndarray:
        """A copy of the weights of a synapse group: (source size, target size), a list
        where they are sparse, or of the shape of its kernel."""
        return self._kept.number(Learned(LearnedKind.WEIGHT, name)).copy()

    def delays(self, name: str) -> np.ndarray:
        """The delays of a synapse group in time steps, shaped as its weights; a number
        if all have the same."""
        return self._kept.delays(name)

    def indices(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Source and target neuron of each synapse of a sparse group."""
        return self._kept.indices(name)

    def set_weights(self, name: str, weights: np.ndarray) -> None:
        """Replaces the weights of a synapse group."""
        self._loaded()
        self._kept.set_number(Learned(LearnedKind.WEIGHT, name), weights)
        if name in self._kept.rewirings:
            self._kept.give_signs(name)

    def parameter(self, group: str, name: str) -> np.ndarray:
        """The values of a learned parameter: (neurons,), or () if they share one."""
        return self._kept.number(Learned(LearnedKind.PARAMETER, group, name)).copy()

    def set_optimiser_scalars(self, scalars: Sequence[float]) -> None:
        """Numbers that the optimisers are given, update by update."""
        self._scalars[: len(scalars)] = scalars

    def snapshot(self) -> Snapshot:
        """What training changes and goes on from, copied."""
        return snapshots.snapshot(self._kept)

    def restore(self, snapshot: Snapshot) -> None:
        """Goes back to a snapshot.

        Raises:
            CheckpointError: if it does not fit; nothing has changed then.
        """
        snapshots.check(self._kept, snapshot)
        self._loaded()
        snapshots.restore(self._kept, snapshot)

    def _loaded(self, steps: int | None = None) -> None:
        """Loads the model, for examples of so many steps; what it has learned stays."""
        known = self._device.steps
        if known is None:
            self._device.load(steps or 1)
            for name in self._kept.rewirings:
                self._kept.give_signs(name)
        elif steps is not None and steps != known:
            kept = self.snapshot()
            self._device.load(steps)
            snapshots.restore(self._kept, kept)

    # ------------------------------------------------------------ running
    def encode(self, spikes: SpikeTimes) -> EventStream | None:
        """None: GeNN has no code for it."""
        return None

    def prepare(self, examples: Examples) -> Examples:
        """Examples as they are; they are copied batch by batch."""
        return examples

    def run(
        self, prepared: Examples, indices: np.ndarray, options: RunOptions
    ) -> RunResult:
        """Runs the examples at ``indices``, as many at once as fit, as one batch."""
        self._check_delays(prepared, options)
        self._forget(prepared, options)
        size = self._device.batch
        chunks = [indices[k : k + size] for k in range(0, len(indices), size)]
        scale = 1.0 / max(len(indices), 1)
        regularised = any(g.regularised for g in self.plan.neurons)
        counts = None
        if options.backward and regularised and len(chunks) > 1:
            counts = self._counted(prepared, chunks, options, scale)
        done = []
        for chunk in chunks:
            running = self._forward(prepared, chunk, options, scale)
            done.append(self._end(running, counts))
        return self._result(done, options)

    def _forward(
        self, examples: Examples, chunk: np.ndarray, options: RunOptions, scale: float
    ) -> Running:
        running = self._begin(examples, chunk, options, scale)
        for _ in range(examples.num_steps):
            self._step(running)
        return running

    def _counted(
        self,
        examples: Examples,
        chunks: list[np.ndarray],
        options: RunOptions,
        scale: float,
    ) -> dict[str, np.ndarray]:
        """Spikes of each neuron in all examples, whose firing rates are regularised:
        the forward pass of those that do not run at once is run beforehand."""
        found: dict[str, np.ndarray] = {}
        for chunk in chunks:
            running = self._forward(examples, chunk, options, scale)
            for name, spikes in self._between.count_spikes(running).items():
                found[name] = found.get(name, 0.0) + spikes
        return found

    def _forget(self, examples: Examples, options: RunOptions) -> None:
        """Forgets what a batch that was given up has learned while it ran."""
        if self.plan.online and options.backward:
            self._loaded(examples.num_steps)
            self._device.update(updates.REDUCE)

    def _check_delays(self, examples: Examples, options: RunOptions) -> None:
        """Refuses delays that reach back beyond the forward pass."""
        for name, longest in self._values.max_delays.items():
            trained = self.plan.synapse(name).trained
            backward = options.backward and not self.plan.online
            if backward and trained and longest > examples.num_steps:
                raise UnsupportedError(
                    f"Connection '{name}': backend 'pygenn' trains with delays of at "
                    f"most an example ({examples.num_steps} steps). Received {longest} "
                    "steps. Use backend='cpu'."
                )

    def begin_step(
        self, prepared: Examples, indices: np.ndarray, options: RunOptions
    ) -> None:
        """Starts a batch that is advanced one time step at a time."""
        self._check_delays(prepared, options)
        self._forget(prepared, options)
        scale = 1.0 / max(len(indices), 1)
        self._running = self._begin(prepared, indices, options, scale)

    def step(self) -> None:
        """Advances the batch by one time step."""
        self._step(self._current())

    def end_step(self) -> RunResult:
        """Ends the batch that was stepped."""
        running, self._running = self._current(), None
        return self._result([self._end(running)], running.options)

    def state(self, group: str, variable: str) -> np.ndarray:
        """A state variable of the batch that is being stepped, or ran last: (examples,
        neurons)."""
        return self._device.pull(group, variable)[: self._looked_at().size]

    def set_state(self, group: str, variable: str, values: np.ndarray) -> None:
        """Replaces such a variable."""
        rows = self._device.pull(group, variable)
        rows[: self._looked_at().size] = values
        self._device.push(group, variable, rows)

    def set_processes(self, processes: Processes | None) -> None:
        """Refuses several processes.

        Raises:
            UnsupportedError: if there are.
        """
        if processes is not None:
            raise UnsupportedError(
                "Backend 'pygenn' runs in one process. Leave the communicator out, or "
                "use backend='cpu'."
            )

    def _looked_at(self) -> Running:
        if self._last is None:
            raise MlGennError("nothing has run yet, so there is no state")
        return self._last

    def _current(self) -> Running:
        if self._running is None:
            raise MlGennError("no batch is being stepped; call begin_step first")
        return self._running

    def _begin(
        self, examples: Examples, indices: np.ndarray, options: RunOptions, scale: float
    ) -> Running:
        self._loaded(examples.num_steps)
        device = self._device
        device.restart()
        if not options.continue_state:
            device.update(updates.START)
        device.update(updates.START_READOUT)
        device.set(backward.SCALE, scale)
        running = Running(examples, indices, options, scale)
        self._between.give_inputs(running)
        if self.plan.online:
            device.set(LEARNS, float(options.backward))
            targets.give_targets(device, self.plan, running)
        running.records = {record: [] for record in options.records}
        self._last = running
        return running

    def _step(self, running: Running) -> None:
        self._device.step()
        self._record(running, forwards=True)

    def _record(self, running: Running, forwards: bool) -> None:
        for record, found in running.records.items():
            adjoint = self.plan.neuron(record.group).adjoint
            goes_back = adjoint is not None and record.variable in adjoint.variables
            if goes_back is not forwards:
                row = self._device.pull(record.group, record.variable)
                found.append(row[: running.size])

    def _end(
        self, running: Running, counts: dict[str, np.ndarray] | None = None
    ) -> Running:
        """Results, losses, and gradients if asked for.

        Args:
            counts: spikes of the whole batch, where these are not all of its examples.
        """
        device, options, between = self._device, running.options, self._between
        if options.spikes:
            device.pull_spikes()
            running.spikes = {
                n: device.spikes(n)[: running.size] for n in options.spikes
            }
        device.update(updates.FINISH)
        for group in self._outputs:
            found = device.result(f"{updates.FINISH} {group.name}", updates.RESULT)
            running.results[group.name] = found[: running.size]
        if self.plan.online:
            self._catch_up(running)
        else:
            between.take_losses(running)
            if options.backward:
                self._backward(running, counts or between.count_spikes(running))
        if options.backward:
            for array in self.plan.learned:
                if array.kind is LearnedKind.PARAMETER:
                    rows = device.pull(array.owner, f"lambda_{array.name}")
                    running.gradients[array] = rows[: running.size].sum(axis=0)
        return running

    def _catch_up(self, running: Running) -> None:
        """Steps in which nothing runs, for learning, which is behind, or the loss."""
        behind = self._lag if running.options.backward else 0
        for _ in range(1 + behind):
            self._device.step()
        targets.take_losses(self._device, self.plan, running)

    def _backward(self, running: Running, counts: dict[str, np.ndarray]) -> None:
        self._between.regularise(running, counts)
        for _ in range(running.examples.num_steps):
            self._device.step()
            self._record(running, forwards=False)

    def _result(self, done: list[Running], options: RunOptions) -> RunResult:
        losses = np.concatenate([r.losses for r in done]).astype(np.float32)
        finite = bool(np.isfinite(losses).all())
        gradients: dict[Learned, np.ndarray] = {}
        rewirings: dict[str, tuple[int, int]] = {}
        if options.backward:
            gradients, rewirings = self._learn(done, options, finite)
        return RunResult(
            outputs={
                g.name: np.concatenate([r.results[g.name] for r in done])
                for g in self._outputs
            },
            losses=losses,
            finite=finite,
            gradients=gradients if options.gradients else {},
            spikes={n: [e for r in done for e in r.spikes[n]] for n in options.spikes},
            records={record: self._records(done, record) for record in options.records},
            rewirings=rewirings,
        )

    def _learn(
        self, done: list[Running], options: RunOptions, finite: bool
    ) -> tuple[learning.Gradients, dict[str, tuple[int, int]]]:
        """Gradients, those that are asked for among them; what Deep-R did."""
        updating = options.update and finite
        norms = updating and any(update.norms for update in self.plan.updates)
        each = {
            array: np.sum([r.gradients[array] for r in done], axis=0)
            for array in done[0].gradients
        }
        found = learning.gradients(
            self.plan, self._device, self._kept, each, options.gradients or norms
        )
        if not updating:
            return found, {}
        learning.optimise(self.plan, self._device, found, self._scalars)
        return found, self._kept.follow()

    def _records(self, done: list[Running], record: Record) -> np.ndarray:
        adjoint = self.plan.neuron(record.group).adjoint
        back = adjoint is not None and record.variable in adjoint.variables
        parts = [np.stack(r.records[record][:: -1 if back else 1], 1) for r in done]
        return np.concatenate(parts)
