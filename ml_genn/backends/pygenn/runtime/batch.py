"""Examples under way, and what is done with them between the two passes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ml_genn.backends.pygenn.backward import neurons as backward
from ml_genn.backends.pygenn.lowering.neurons import FRAMES, RASTER, WORD
from ml_genn.backends.pygenn.runtime.device import Device
from ml_genn.model.batch import Examples, Record, RunOptions
from ml_genn.model.loss_formula import Targets
from ml_genn.model.plan import Learned, Loss, NeuronGroup, Plan, Values


@dataclass(slots=True, eq=False)
class Running:
    """Examples that run at once.

    Args:
        examples, indices: which they are.
        options: what is done beside running them.
        scale: one over the number of examples in the batch.
    """

    examples: Examples
    indices: np.ndarray
    options: RunOptions
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

    def counted(self, index: int) -> np.ndarray:
        """How much each example counts at an output."""
        if self.examples.weights is None:
            return np.ones(self.size)
        given = np.asarray(self.examples.weights, dtype=float)
        return np.asarray(given[self.indices, index])


@dataclass(frozen=True, slots=True, eq=False)
class Between:
    """What the device is given before the forward pass, and between the two.

    Args:
        plan: the plan.
        values: numbers of losses, and the time step.
        device: where the model runs.
    """

    plan: Plan
    values: Values
    device: Device

    def give_inputs(self, running: Running) -> None:
        """Spikes and numbers of the examples."""
        examples, chosen = running.examples, running.indices
        for group in self.plan.neurons:
            if group.events:
                self.device.push_array(group.name, RASTER, self._raster(group, running))
            if group.data:
                frames = examples.values[group.data][chosen]
                padded = np.zeros((self.device.batch, *frames.shape[1:]), np.float32)
                padded[: running.size] = frames
                self.device.push_array(group.name, FRAMES, padded)

    def _raster(self, group: NeuronGroup, running: Running) -> np.ndarray:
        """Input spikes as bits: (steps, examples, neurons / 32)."""
        words = (group.size + WORD - 1) // WORD
        shape = running.examples.num_steps, self.device.batch, words * WORD
        spikes = np.zeros(shape, dtype=np.uint8)
        for b, index in enumerate(running.indices):
            events = running.examples.events[group.name][index]
            spikes[events.steps, b, events.ids] = 1
        packed = np.packbits(spikes, axis=-1, bitorder="little")
        return np.asarray(packed.view("<u4"))

    def take_losses(self, running: Running) -> None:
        """The loss of each example; slopes go where the backward pass finds them."""
        outputs = [g for g in self.plan.neurons if g.readout]
        running.losses = np.zeros((running.size, max(len(outputs), 1)))
        for k, group in enumerate(outputs):
            if group.loss and group.name in running.examples.targets:
                running.losses[:, k] = self._loss(running, group, group.loss, k)

    def _loss(
        self, running: Running, group: NeuronGroup, loss: Loss, index: int
    ) -> np.ndarray:
        examples, chosen = running.examples, running.indices
        target = np.asarray(examples.targets[group.name])[chosen]
        counted = running.counted(index)
        given = self.values.loss.get("outputs", {}).get(group.name, (1.0, 0.0))
        scale = running.scale * counted
        if loss.per_step:
            total = self._step_losses(group, loss, target, given[0], scale)
            return np.asarray(counted * total)
        y = running.results[group.name].astype(np.float64)
        end = examples.num_steps * self.values.dt
        if loss.first_spike:
            y = np.maximum(y, -end)
        total, slope = loss.formula.numpy(y, target, given[0])
        slope = slope * scale[:, None]
        if loss.first_spike and loss.formula.late_spike_penalty:
            rows = np.arange(running.size)
            left = 1.01 * end + y[rows, target]
            total = total + given[1] / left
            slope[rows, target] -= scale * given[1] / left**2
        self._push(group, backward.RESULT_SLOPE, slope)
        if loss.first_spike and group.adjoint:
            self._draw_up(group, target, scale * given[1] / (1e-4 * end))
        return np.asarray(counted * total)

    def _step_losses(
        self,
        group: NeuronGroup,
        loss: Loss,
        target: np.ndarray,
        scalar: float,
        scale: np.ndarray,
    ) -> np.ndarray:
        """Losses taken in every step."""
        size = len(scale)
        y = self.device.pull_array(group.name, backward.OUTPUT)[:size]
        kind = loss.formula.targets
        if kind is Targets.LABELS:
            target = np.repeat(target[:, None], y.shape[1], axis=1)
        elif kind is Targets.PROBABILITIES:
            target = target[:, None, :]
        total, slope = loss.formula.numpy(y.astype(np.float64), target, scalar)
        divided = y.shape[1] if loss.mean_over_steps else 1
        padded = np.zeros((y.shape[1], self.device.batch, group.size), np.float32)
        padded[:, :size] = (slope * scale[:, None, None] / divided).transpose(1, 0, 2)
        self.device.push_array(group.name, backward.DRIVE, padded)
        return np.asarray(total.sum(axis=1) / divided)

    def _draw_up(
        self, group: NeuronGroup, label: np.ndarray, amount: np.ndarray
    ) -> None:
        """Pushes the right neuron of an output where it never spiked."""
        rows = np.arange(len(label))
        ((first, _),) = group.readout.variables if group.readout else (("", 0.0),)
        silent = self.device.pull(group.name, first)[rows, label] < 0
        push = np.zeros((len(label), group.size))
        push[rows, label] = np.where(silent, -amount, 0.0)
        self._push(group, backward.SILENT, push)

    def count_spikes(self, running: Running) -> dict[str, np.ndarray]:
        """{group whose firing rate is regularised: spikes of each neuron}."""
        return {
            g.name: self.device.pull(g.name, backward.COUNT)[: running.size].sum(axis=0)
            for g in self.plan.neurons
            if g.regularised
        }

    def regularise(self, running: Running, counts: dict[str, np.ndarray]) -> None:
        """How strongly firing rates, over the batch, are pushed to their target."""
        for name, spikes in counts.items():
            lower, upper, wanted = self.values.loss["regularised"][name]
            excess = spikes * running.scale - wanted
            push = np.where(excess > 0, upper, lower) * excess * running.scale
            group = self.plan.neuron(name)
            rows = np.broadcast_to(push, (running.size, group.size))
            self._push(group, backward.PUSH, rows)

    def _push(self, group: NeuronGroup, name: str, rows: np.ndarray) -> None:
        """Gives numbers to each neuron of each example, zeros to those left over."""
        padded = np.zeros((self.device.batch, group.size), np.float32)
        padded[: len(rows)] = rows
        self.device.push(group.name, name, padded)
