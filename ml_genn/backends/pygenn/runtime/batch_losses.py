"""Losses of a batch, computed on the host between the two passes.

Their gradients are copied to the device, where the backward pass reads them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml_genn.backends.pygenn.lowering.names import (
    OUTPUT_GRADS,
    OUTPUT_TAPE,
    RATE_GRAD,
    RESULT_GRAD,
    SILENT_GRAD,
    SPIKE_COUNT,
)
from ml_genn.backends.pygenn.runtime.batch import Batch
from ml_genn.backends.pygenn.runtime.device import Device
from ml_genn.model.loss_formula import LATE_SPIKE_END, SILENT_SPIKE_END, Targets
from ml_genn.model.plan import Loss, NeuronGroup, Plan, PlanValues


@dataclass(frozen=True, slots=True, eq=False)
class BatchLosses:
    """Losses and regularisation of firing rates.

    Args:
        plan: the plan.
        values: scalars of losses and regularisers, and the time step.
        device: the device.
    """

    plan: Plan
    values: PlanValues
    device: Device

    def compute(self, batch: Batch) -> None:
        """Sets the losses of a batch, and copies their gradients to the device."""
        outputs = [g for g in self.plan.neurons if g.readout]
        batch.losses = np.zeros((batch.size, max(len(outputs), 1)))
        for k, group in enumerate(outputs):
            if group.loss and group.name in batch.examples.targets:
                batch.losses[:, k] = self._loss(batch, group, group.loss, k)

    def _loss(
        self, batch: Batch, group: NeuronGroup, loss: Loss, output: int
    ) -> np.ndarray:
        """Returns the weighted loss of each example at one output."""
        target = np.asarray(batch.examples.targets[group.name])[batch.indices]
        weights = batch.loss_weights(output)
        scalar, alpha = self.values.loss_scalars.get(group.name, (1.0, 0.0))
        scale = batch.scale * weights
        if loss.per_step:
            total = self._step_loss(group, loss, target, scalar, scale)
            return np.asarray(weights * total)
        y = batch.outputs[group.name].astype(np.float64)
        seen = self.values.readout_steps(group, batch.examples.num_steps)
        end = seen.stop * self.values.dt
        if loss.first_spike:
            y = np.maximum(y, -end)
        total, grad = loss.formula.numpy(y, target, scalar)
        grad = grad * scale[:, None]
        if loss.first_spike and loss.formula.late_spike_penalty:
            rows = np.arange(batch.size)
            time_left = LATE_SPIKE_END * end + y[rows, target]
            total = total + alpha / time_left
            grad[rows, target] -= scale * alpha / time_left**2
        self.device.push_examples(group.name, RESULT_GRAD, grad)
        if loss.first_spike and group.adjoint:
            penalty = scale * alpha / (SILENT_SPIKE_END * end)
            self._push_silent_gradient(group, target, penalty)
        return np.asarray(weights * total)

    def _step_loss(
        self,
        group: NeuronGroup,
        loss: Loss,
        target: np.ndarray,
        scalar: float,
        scale: np.ndarray,
    ) -> np.ndarray:
        """Returns the loss of each example, summed or averaged over time steps."""
        size = len(scale)
        y = self.device.pull_array(group.name, OUTPUT_TAPE)[:size]
        num_steps = y.shape[1]
        if loss.formula.targets is Targets.LABELS and target.ndim == 1:
            target = np.repeat(target[:, None], num_steps, axis=1)
        elif loss.formula.targets is Targets.PROBABILITIES:
            target = target[:, None, :]
        total, grad = loss.formula.numpy(y.astype(np.float64), target, scalar)
        seen = self.values.readout_steps(group, num_steps)
        first, end = seen.start, seen.stop
        divisor = len(seen) if loss.mean_over_steps else 1
        grads = np.zeros((num_steps, self.device.batch_size, group.size), np.float32)
        scaled = (grad * scale[:, None, None] / divisor).transpose(1, 0, 2)
        grads[first:end, :size] = scaled[first:end]
        self.device.push_array(group.name, OUTPUT_GRADS, grads)
        return np.asarray(total[:, first:end].sum(axis=1) / divisor)

    def _push_silent_gradient(
        self, group: NeuronGroup, label: np.ndarray, penalty: np.ndarray
    ) -> None:
        """Copies the gradient that draws the labelled neuron, if silent, to spike."""
        rows = np.arange(len(label))
        ((first_spike, _),) = group.readout.variables if group.readout else (("", 0.0),)
        silent = self.device.pull(group.name, first_spike)[rows, label] < 0
        grad = np.zeros((len(label), group.size))
        grad[rows, label] = np.where(silent, -penalty, 0.0)
        self.device.push_examples(group.name, SILENT_GRAD, grad)

    # ------------------------------------------------------------ firing rates
    def spike_counts(self, batch: Batch) -> dict[str, np.ndarray]:
        """Returns {regularised group: spikes of each neuron in a batch}."""
        return {
            g.name: self.device.pull(g.name, SPIKE_COUNT)[: batch.size].sum(axis=0)
            for g in self.plan.neurons
            if g.regularised
        }

    def push_rate_gradients(self, batch: Batch, counts: dict[str, np.ndarray]) -> None:
        """Copies the gradients of the firing-rate regularisation to the device.

        Args:
            batch: the batch.
            counts: {regularised group: spikes of each neuron in all examples}.
        """
        for name, spikes in counts.items():
            grad = self.values.rate_regularisation[name].gradient(spikes, batch.scale)
            group = self.plan.neuron(name)
            rows = np.broadcast_to(grad, (batch.size, group.size))
            self.device.push_examples(name, RATE_GRAD, rows)
