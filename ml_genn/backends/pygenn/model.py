"""A built plan on PyGeNN."""

from __future__ import annotations

import shutil
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from tempfile import mkdtemp
from typing import Any

import numpy as np

from ml_genn.backends.pygenn import backward, snapshots, updates
from ml_genn.backends.pygenn.build import build
from ml_genn.backends.pygenn.device import Device
from ml_genn.backends.pygenn.library import ONE_EXAMPLE, TIMING, pygenn
from ml_genn.backends.pygenn.losses import LOSSES
from ml_genn.backends.pygenn.lowering import lower
from ml_genn.backends.pygenn.neurons import FRAMES, RASTER, WORD
from ml_genn.backends.pygenn.numbers import changing, constants
from ml_genn.backends.pygenn.synapses import (
    DELAY,
    WEIGHT,
    read_back,
    summed,
    whole_steps,
    written_for_each,
    written_out,
)
from ml_genn.backends.seam import Processes
from ml_genn.errors import MlGennError, UnsupportedError, ValidationError
from ml_genn.model.batch import Examples, Mode, Outcome, Record
from ml_genn.model.plan import (
    GLOBAL_NORM,
    GRADIENT_NORM,
    Delay,
    Learned,
    LearnedKind,
    LossKind,
    NeuronGroup,
    Plan,
    Values,
)
from ml_genn.model.snapshot import Snapshot


@dataclass(slots=True, eq=False)
class _Running:
    """Examples under way, as many as run at once."""

    examples: Examples
    indices: np.ndarray
    mode: Mode
    scale: float
    records: dict[Record, list[np.ndarray]] = field(default_factory=dict)
    results: dict[str, np.ndarray] = field(default_factory=dict)
    losses: np.ndarray = field(default_factory=lambda: np.zeros((0, 1)))
    spikes: dict[str, list[tuple[np.ndarray, np.ndarray]]] = field(default_factory=dict)

    gradients: dict[Learned, np.ndarray] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Number of examples."""
        return len(self.indices)


class PyGennModel:
    """Runs a plan; see `ml_genn.backends.seam.Model`.

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
        self._weights = {n: np.array(w, np.float32) for n, w in values.weights.items()}
        own = {group: dict(given) for group, given in values.parameters.items()}
        self._values = replace(values, delays=dict(values.delays), parameters=own)
        self._optimised = {update.target for update in plan.updates}
        self._parameters = [a for a in plan.learned if a.kind is LearnedKind.PARAMETER]
        self._outputs = [g for g in plan.neurons if g.readout]
        self._scalars = np.zeros(sum(len(u.scalars) for u in plan.updates))
        self._running: _Running | None = None
        self._last: _Running | None = None

    def close(self) -> None:
        """Frees the model's memory and removes what was built."""
        self._device.unload()
        self._finalizer()

    # ------------------------------------------------------------ numbers
    def weights(self, name: str) -> np.ndarray:
        """A copy of the weights of a synapse group: (source size, target size), a list
        where they are sparse, or of the shape of its kernel."""
        return self.number(Learned(LearnedKind.WEIGHT, name)).copy()

    def delays(self, name: str) -> np.ndarray:
        """The delays of a synapse group in time steps, shaped as its weights; a number
        if all have the same."""
        if self.plan.synapse(name).delay is not Delay.PER_SYNAPSE:
            return np.asarray(self._values.delays.get(name, 0))
        return self.number(Learned(LearnedKind.DELAY, name)).copy()

    def number(self, array: Learned) -> np.ndarray:
        """What is learned or could be, at the moment, shaped as users know it."""
        if array in self._optimised and self._device.steps is not None:
            return self._kept(array, updates.X)
        return np.asarray(self._given(array))

    def _given(self, array: Learned) -> Any:
        """What it was when it was last given."""
        if array.kind is LearnedKind.PARAMETER:
            return self._values.parameters[array.owner][array.name]
        weight = array.kind is LearnedKind.WEIGHT
        return (self._weights if weight else self._values.delays)[array.owner]

    def _kept(self, array: Learned, name: str) -> np.ndarray:
        """What the optimiser of an array keeps; shared parameters are kept for each
        neuron, all alike."""
        found = self._device.pull_update(f"{updates.OPTIMISE} {array}", name)
        known = np.asarray(self._given(array))
        if array.kind is LearnedKind.WEIGHT:
            own = known if name == updates.X else np.zeros_like(known)
            return read_back(self.plan.synapse(array.owner), found, own)
        return np.array(found[0]) if known.ndim == 0 else found.reshape(known.shape)

    def slot(self, array: Learned, name: str) -> np.ndarray:
        """What an optimiser keeps for each number of an array."""
        if self._device.steps is None:
            return np.zeros(np.shape(self._given(array)), np.float32)
        return self._kept(array, name)

    def indices(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Source and target neuron of each synapse of a sparse group."""
        source, target = self._values.indices[name]
        return source.copy(), target.copy()

    def set_weights(self, name: str, weights: np.ndarray) -> None:
        """Replaces the weights of a synapse group."""
        self.set_number(Learned(LearnedKind.WEIGHT, name), weights)

    def set_number(self, array: Learned, values: np.ndarray) -> None:
        """Replaces what synapses have, and what is copied from it."""
        self._loaded()
        if array.kind is LearnedKind.WEIGHT:
            self._weights[array.owner] = np.array(values, np.float32)
            for s in self.plan.synapses:
                if s.stored == array.owner:
                    flat = written_out(s, values)
                    self._device.push_synapses(s.name, WEIGHT, flat)
        elif array.kind is LearnedKind.PARAMETER:
            self._set_parameter(array, values)
        else:
            self._values.delays[array.owner] = np.array(values)
            steps = whole_steps(self.plan.synapse(array.owner), values)
            self._device.push_synapses(array.owner, DELAY, steps)
        if array in self._optimised:
            self.set_slot(array, updates.X, values)

    def _set_parameter(self, array: Learned, values: np.ndarray) -> None:
        """Takes a parameter over into the constants that depend on it."""
        self._values.parameters[array.owner][array.name] = np.array(values)
        group = self.plan.neuron(array.owner)
        shared, own = constants(group, self._values)
        dependent = changing(group)
        for name in dependent & set(shared):
            self._device.set_constant(group.name, name, shared[name])
        for variable in own:
            if variable.name in dependent:
                self._device.push(group.name, variable.name, variable.value)

    def set_slot(self, array: Learned, name: str, values: np.ndarray) -> None:
        """Replaces what an optimiser keeps."""
        stored = np.asarray(values, np.float32)
        if array.kind is LearnedKind.WEIGHT:
            stored = written_out(self.plan.synapse(array.owner), stored)
        self._device.push_update(f"{updates.OPTIMISE} {array}", name, stored)

    def parameter(self, group: str, name: str) -> np.ndarray:
        """The values of a learned parameter: (neurons,), or () if they share one."""
        return self.number(Learned(LearnedKind.PARAMETER, group, name)).copy()

    def set_optimiser_scalars(self, scalars: Sequence[float]) -> None:
        """Numbers that the optimisers are given, update by update."""
        self._scalars[: len(scalars)] = scalars

    def snapshot(self) -> Snapshot:
        """What training changes and goes on from, copied."""
        return snapshots.snapshot(self)

    def restore(self, snapshot: Snapshot) -> None:
        """Goes back to a snapshot.

        Raises:
            CheckpointError: if it does not fit; nothing has changed then.
        """
        snapshots.check(self, snapshot)
        self._loaded()
        snapshots.restore(self, snapshot)

    def _loaded(self, steps: int | None = None) -> None:
        """Loads the model, for examples of so many steps; what it has learned stays."""
        known = self._device.steps
        if known is None:
            self._device.load(steps or 1)
        elif steps is not None and steps != known:
            kept = self.snapshot()
            self._device.load(steps)
            snapshots.restore(self, kept)

    # ------------------------------------------------------------ running
    def prepare(self, examples: Examples) -> Examples:
        """Examples as they are; they are copied batch by batch."""
        return examples

    def run(self, prepared: Examples, indices: np.ndarray, mode: Mode) -> Outcome:
        """Runs the examples at ``indices``, as many at once as fit, as one batch."""
        self._check_delays(prepared, mode)
        size = self._device.batch
        chunks = [indices[k : k + size] for k in range(0, len(indices), size)]
        regularised = any(g.regularised for g in self.plan.neurons)
        if mode.backward and regularised and len(chunks) > 1:
            raise UnsupportedError(
                "Backend 'pygenn' regularises the firing rates of a batch that runs at "
                f"once. Received {len(indices)} examples for batch_size={size}."
            )
        done = []
        for chunk in chunks:
            running = self._begin(prepared, chunk, mode, 1.0 / max(len(indices), 1))
            for _ in range(prepared.num_steps):
                self._step(running)
            done.append(self._end(running))
        return self._outcome(done, mode)

    def _check_delays(self, examples: Examples, mode: Mode) -> None:
        """Refuses delays that reach back beyond the forward pass."""
        for name, longest in self._values.max_delays.items():
            trained = self.plan.synapse(name).trained
            if mode.backward and trained and longest > examples.num_steps:
                raise UnsupportedError(
                    f"Connection '{name}': backend 'pygenn' trains with delays of at "
                    f"most an example ({examples.num_steps} steps). Received {longest} "
                    "steps. Use backend='cpu'."
                )

    def begin_step(self, prepared: Examples, indices: np.ndarray, mode: Mode) -> None:
        """Starts a batch that is advanced one time step at a time."""
        self._check_delays(prepared, mode)
        scale = 1.0 / max(len(indices), 1)
        self._running = self._begin(prepared, indices, mode, scale)

    def step(self) -> None:
        """Advances the batch by one time step."""
        self._step(self._current())

    def end_step(self) -> Outcome:
        """Ends the batch that was stepped."""
        running, self._running = self._current(), None
        return self._outcome([self._end(running)], running.mode)

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

    def _looked_at(self) -> _Running:
        if self._last is None:
            raise MlGennError("nothing has run yet, so there is no state")
        return self._last

    def _current(self) -> _Running:
        if self._running is None:
            raise MlGennError("no batch is being stepped; call begin_step first")
        return self._running

    def _begin(
        self, examples: Examples, indices: np.ndarray, mode: Mode, scale: float
    ) -> _Running:
        self._loaded(examples.num_steps)
        device = self._device
        device.restart()
        if not mode.keep_state:
            device.update(updates.START)
        device.update(updates.START_READOUT)
        device.set(backward.SCALE, scale)
        for group in self.plan.neurons:
            if group.events:
                device.push_array(
                    group.name, RASTER, self._raster(group, examples, indices)
                )
            if group.data:
                frames = examples.values[group.data][indices]
                padded = np.zeros((device.batch, *frames.shape[1:]), np.float32)
                padded[: len(indices)] = frames
                device.push_array(group.name, FRAMES, padded)
        running = _Running(examples, indices, mode, scale)
        running.records = {record: [] for record in mode.records}
        self._last = running
        return running

    def _raster(
        self, group: NeuronGroup, examples: Examples, indices: np.ndarray
    ) -> np.ndarray:
        """Input spikes as bits: (steps, examples, neurons / 32)."""
        words = (group.size + WORD - 1) // WORD
        shape = examples.num_steps, self._device.batch, words * WORD
        spikes = np.zeros(shape, dtype=np.uint8)
        for b, index in enumerate(indices):
            events = examples.events[group.name][index]
            spikes[events.steps, b, events.ids] = 1
        packed = np.packbits(spikes, axis=-1, bitorder="little")
        return np.asarray(packed.view("<u4"))

    def _step(self, running: _Running) -> None:
        self._device.step()
        self._record(running, forwards=True)

    def _record(self, running: _Running, forwards: bool) -> None:
        for record, found in running.records.items():
            adjoint = self.plan.neuron(record.group).adjoint
            goes_back = adjoint is not None and record.variable in adjoint.variables
            if goes_back is not forwards:
                row = self._device.pull(record.group, record.variable)
                found.append(row[: running.size])

    def _end(self, running: _Running) -> _Running:
        """Results and losses, and the backward pass if asked for."""
        device, mode = self._device, running.mode
        if mode.spikes:
            device.pull_spikes()
            running.spikes = {n: device.spikes(n)[: running.size] for n in mode.spikes}
        device.update(updates.FINISH)
        for group in self._outputs:
            found = device.result(f"{updates.FINISH} {group.name}", updates.RESULT)
            running.results[group.name] = found[: running.size]
        running.losses = np.zeros((running.size, max(len(self._outputs), 1)))
        for k, group in enumerate(self._outputs):
            if group.loss and group.name in running.examples.targets:
                running.losses[:, k] = self._loss(running, group, k)
        if mode.backward:
            self._regularise(running)
            for _ in range(running.examples.num_steps):
                device.step()
                self._record(running, forwards=False)
            for array in self._parameters:
                rows = device.pull(array.owner, f"lambda_{array.name}")
                running.gradients[array] = rows[: running.size].sum(axis=0)
        return running

    # ------------------------------------------------------------ losses
    def _loss(self, running: _Running, group: NeuronGroup, index: int) -> np.ndarray:
        """The loss of each example; its slope goes where the backward pass finds it."""
        examples, chosen = running.examples, running.indices
        target = np.asarray(examples.targets[group.name])[chosen]
        counted = np.ones(running.size)
        if examples.weights is not None:
            counted = np.asarray(examples.weights)[chosen, index].astype(float)
        given = self._values.loss.get("outputs", {}).get(group.name, (1.0, 0.0))
        scale = running.scale * counted
        if group.loss is None:
            return np.zeros(running.size)
        if group.loss.per_step:
            loss = self._step_losses(group, target, given[0], scale)
            return np.asarray(counted * loss)
        y = running.results[group.name].astype(np.float64)
        end = examples.num_steps * self._values.dt
        if group.loss.first_spike:
            y = np.maximum(y, -end)
        loss, slope = LOSSES[group.loss.kind](y, target, given[0])
        slope = slope * scale[:, None]
        if group.loss.first_spike and group.loss.kind is LossKind.CROSS_ENTROPY:
            rows = np.arange(running.size)
            left = 1.01 * end + y[rows, target]
            loss = loss + given[1] / left
            slope[rows, target] -= scale * given[1] / left**2
        self._push(group, backward.RESULT_SLOPE, slope)
        if group.loss.first_spike and group.adjoint:
            self._draw_up(group, target, scale * given[1] / (1e-4 * end))
        return np.asarray(counted * loss)

    def _step_losses(
        self, group: NeuronGroup, target: np.ndarray, number: float, scale: np.ndarray
    ) -> np.ndarray:
        """Losses taken in every step."""
        size = len(scale)
        if group.loss is None:
            return np.zeros(size)
        y = self._device.pull_array(group.name, backward.OUTPUT)[:size]
        if group.loss.kind.of_labels:
            target = np.repeat(target[:, None], y.shape[1], axis=1)
        elif not group.loss.kind.of_errors:
            target = target[:, None, :]
        loss, slope = LOSSES[group.loss.kind](y.astype(np.float64), target, number)
        divided = y.shape[1] if group.loss.mean_over_steps else 1
        padded = np.zeros((y.shape[1], self._device.batch, group.size), np.float32)
        padded[:, :size] = (slope * scale[:, None, None] / divided).transpose(1, 0, 2)
        self._device.push_array(group.name, backward.DRIVE, padded)
        return np.asarray(loss.sum(axis=1) / divided)

    def _draw_up(
        self, group: NeuronGroup, label: np.ndarray, amount: np.ndarray
    ) -> None:
        """Pushes the right neuron of an output where it never spiked."""
        rows = np.arange(len(label))
        ((first, _),) = group.readout.variables if group.readout else (("", 0.0),)
        silent = self._device.pull(group.name, first)[rows, label] < 0
        push = np.zeros((len(label), group.size))
        push[rows, label] = np.where(silent, -amount, 0.0)
        self._push(group, backward.SILENT, push)

    def _regularise(self, running: _Running) -> None:
        """How strongly firing rates, over the batch, are pushed to their target."""
        for group in self.plan.neurons:
            if group.regularised:
                lower, upper, wanted = self._values.loss["regularised"][group.name]
                spikes = self._device.pull(group.name, backward.COUNT)[: running.size]
                excess = spikes.sum(axis=0) * running.scale - wanted
                push = np.where(excess > 0, upper, lower) * excess * running.scale
                rows = np.broadcast_to(push, (running.size, group.size))
                self._push(group, backward.PUSH, rows)

    def _push(self, group: NeuronGroup, name: str, rows: np.ndarray) -> None:
        """Gives numbers to each neuron of each example, zeros to those left over."""
        padded = np.zeros((self._device.batch, group.size), np.float32)
        padded[: len(rows)] = rows
        self._device.push(group.name, name, padded)

    # ------------------------------------------------------------ learning
    def _outcome(self, done: list[_Running], mode: Mode) -> Outcome:
        losses = np.concatenate([r.losses for r in done]).astype(np.float32)
        finite = bool(np.isfinite(losses).all())
        gradients: dict[Learned, np.ndarray] = {}
        if mode.backward:
            gradients = self._learn(done, mode, finite)
        return Outcome(
            results={
                g.name: np.concatenate([r.results[g.name] for r in done])
                for g in self._outputs
            },
            losses=losses,
            finite=finite,
            gradients=gradients,
            spikes={n: [e for r in done for e in r.spikes[n]] for n in mode.spikes},
            records={record: self._records(done, record) for record in mode.records},
        )

    def _records(self, done: list[_Running], record: Record) -> np.ndarray:
        adjoint = self.plan.neuron(record.group).adjoint
        back = adjoint is not None and record.variable in adjoint.variables
        parts = [np.stack(r.records[record][:: -1 if back else 1], 1) for r in done]
        return np.concatenate(parts)

    def _learn(
        self, done: list[_Running], mode: Mode, finite: bool
    ) -> dict[Learned, np.ndarray]:
        """Sums gradients over the batch; then the optimisers' steps."""
        self._device.update(updates.REDUCE)
        updating = mode.update and finite
        norms = updating and any(update.norms for update in self.plan.updates)
        found = {array: self._gathered(array, done) for array in self._parameters}
        for array in self.plan.learned:
            if array not in found and (mode.gradients or norms or self._shares(array)):
                found[array] = self._gradient(array)
        if updating:
            self._optimise(found)
        return found if mode.gradients else {}

    def _shares(self, array: Learned) -> bool:
        """Whether synapses that share weights each have a number of their own."""
        weight = array.kind is LearnedKind.WEIGHT
        return weight and written_for_each(self.plan.synapse(array.owner))

    def _gradient(self, array: Learned) -> np.ndarray:
        """The gradient by what synapses have; where they share weights, each is given
        the whole of it, so that its optimiser does what those of the others do."""
        owner, shape = f"{updates.REDUCE} {array}", np.shape(self._given(array))
        stored = self._device.pull_update(owner, updates.SUM)
        if not self._shares(array):
            return stored.reshape(shape)
        synapses = self.plan.synapse(array.owner)
        total = summed(synapses, stored, shape)
        self._device.push_update(owner, updates.SUM, written_out(synapses, total))
        return total

    def _gathered(self, array: Learned, done: list[_Running]) -> np.ndarray:
        """The gradient by a parameter: of each neuron, or one that all share."""
        each = sum(r.gradients[array] for r in done)
        shared = np.shape(self._given(array)) == ()
        return np.asarray(np.sum(each) if shared else each, np.float32)

    def _optimise(self, gradients: Mapping[Learned, np.ndarray]) -> None:
        """The optimisers' steps, and what follows from them."""
        for array in self._parameters:
            size = self.plan.neuron(array.owner).size
            name = backward.parameter_gradient(array.name)
            row = np.broadcast_to(gradients[array], size)
            self._device.push(array.owner, name, row)
        self._set_scalars(gradients)
        self._device.update(updates.OPTIMISE)
        self._device.update(updates.APPLY)
        for array in self._parameters:
            self._set_parameter(array, self.number(array))

    def _set_scalars(self, gradients: Mapping[Learned, np.ndarray]) -> None:
        start = 0
        squares = {
            a: float(np.sum(g.astype(np.float64) ** 2)) for a, g in gradients.items()
        }
        for update in self.plan.updates:
            own = dict(zip(update.scalars, self._scalars[start:], strict=False))
            start += len(update.scalars)
            norms = {
                GRADIENT_NORM: squares.get(update.target, 0.0) ** 0.5,
                GLOBAL_NORM: sum(squares.values()) ** 0.5,
            }
            own |= {n: v for n, v in norms.items() if n in update.code.reads}
            for name, value in own.items():
                owner = f"{updates.OPTIMISE} {update.target}"
                self._device.set_for(owner, name, float(value))
