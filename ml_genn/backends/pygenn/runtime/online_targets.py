"""Targets and losses of e-prop's online mode, whose losses the device computes."""

from __future__ import annotations

import numpy as np

from ml_genn.backends.pygenn.online.step_losses import (
    LOSS,
    STEP_SCALE,
    TARGET,
    TARGET_SUM,
    TARGET_VALUES,
)
from ml_genn.backends.pygenn.runtime.batch import Batch
from ml_genn.backends.pygenn.runtime.device import Device
from ml_genn.errors import UnsupportedError
from ml_genn.model.loss_formula import Targets, one_hot
from ml_genn.model.plan import Loss, NeuronGroup, Plan, PlanValues


def push_targets(device: Device, plan: Plan, values: PlanValues, batch: Batch) -> None:
    """Copies targets, and the weight of each example's steps, to the device."""
    for k, group, loss in _losses(plan):
        targets = batch.examples.targets.get(group.name)
        step_weight = _step_weight(group, loss, values, batch)
        scale = batch.scale * batch.loss_weights(k) * step_weight
        scale = scale if targets is not None else np.zeros(batch.size)
        shape = (batch.size, group.size)
        rows = np.broadcast_to(scale[:, None], shape)
        device.push_examples(group.name, STEP_SCALE, rows)
        if targets is None:
            target = np.zeros(shape)
        else:
            target = np.asarray(targets)[batch.indices]
        if (
            loss.formula.targets is Targets.LABELS
            and target.ndim == 2
            and (targets is not None)
        ):
            raise UnsupportedError(
                f"Population '{group.name}': backend 'pygenn' learns online with one "
                "label per example. Use mode='event_driven', or backend='cpu'."
            )
        if loss.formula.targets is Targets.VALUES:
            _push_target_values(device, group, target, batch)
            continue
        if loss.formula.targets is Targets.LABELS and targets is not None:
            target = one_hot(target, group.size)
        device.push_examples(group.name, TARGET, target)
        total = np.broadcast_to(target.sum(axis=1, keepdims=True), shape)
        device.push_examples(group.name, TARGET_SUM, total)


def pull_losses(device: Device, plan: Plan, values: PlanValues, batch: Batch) -> None:
    """Sets the losses of a batch, after its last error is computed."""
    outputs = sum(g.readout is not None for g in plan.neurons)
    batch.losses = np.zeros((batch.size, max(outputs, 1)))
    for k, group, loss in _losses(plan):
        if group.name in batch.examples.targets:
            per_neuron = device.pull(group.name, LOSS)[: batch.size].astype(np.float64)
            step_weight = _step_weight(group, loss, values, batch)
            weight = batch.loss_weights(k) * step_weight
            batch.losses[:, k] = per_neuron.sum(axis=1) * weight


def _losses(plan: Plan) -> list[tuple[int, NeuronGroup, Loss]]:
    """Returns (index among all outputs, group, loss) of outputs with a loss."""
    outputs = [g for g in plan.neurons if g.readout]
    return [(k, g, g.loss) for k, g in enumerate(outputs) if g.loss]


def _step_weight(
    group: NeuronGroup, loss: Loss, values: PlanValues, batch: Batch
) -> float:
    """Returns the weight of one time step that the readout sees."""
    seen = values.readout_steps(group, batch.examples.num_steps)
    return 1.0 / len(seen) if loss.mean_over_steps else 1.0


def _push_target_values(
    device: Device, group: NeuronGroup, target: np.ndarray, batch: Batch
) -> None:
    """Copies the target values (examples, steps, neurons) of an output."""
    steps = batch.examples.num_steps
    padded = np.zeros((steps, device.batch_size, group.size), np.float32)
    if target.ndim == 3:
        padded[:, : batch.size] = target.transpose(1, 0, 2)
    device.push_array(group.name, TARGET_VALUES, padded)
