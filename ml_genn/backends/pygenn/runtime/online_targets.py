"""What outputs that learn while they run are given, and the losses that they found."""

from __future__ import annotations

import numpy as np

from ml_genn.backends.pygenn.online.step_losses import (
    LOSS,
    SCALE,
    TARGET,
    TARGET_SUM,
    TARGET_VALUES,
)
from ml_genn.backends.pygenn.runtime.batch import Running
from ml_genn.backends.pygenn.runtime.device import Device
from ml_genn.model.loss_formula import Targets, one_hot
from ml_genn.model.plan import Loss, NeuronGroup, Plan


def give_targets(device: Device, plan: Plan, running: Running) -> None:
    """What outputs are compared with, and what each step of an example counts."""
    for k, group, loss in _losses(plan):
        given = running.examples.targets.get(group.name)
        share = running.scale * running.counted(k) * _each_step(loss, running)
        share = share if given is not None else np.zeros(running.size)
        _push(device, group, SCALE, np.repeat(share[:, None], group.size, axis=1))
        shape = (running.size, group.size)
        if given is None:
            target = np.zeros(shape)
        else:
            target = np.asarray(given)[running.indices]
        if loss.formula.targets is Targets.VALUES:
            _push_values(device, group, target, running)
            continue
        if loss.formula.targets is Targets.LABELS and given is not None:
            target = one_hot(target, group.size)
        _push(device, group, TARGET, target)
        whole = np.broadcast_to(target.sum(axis=1, keepdims=True), shape)
        _push(device, group, TARGET_SUM, whole)


def take_losses(device: Device, plan: Plan, running: Running) -> None:
    """The loss of each example, once the last error is found."""
    outputs = sum(g.readout is not None for g in plan.neurons)
    running.losses = np.zeros((running.size, max(outputs, 1)))
    for k, group, loss in _losses(plan):
        if group.name in running.examples.targets:
            parts = device.pull(group.name, LOSS)[: running.size].astype(np.float64)
            each = running.counted(k) * _each_step(loss, running)
            running.losses[:, k] = parts.sum(axis=1) * each


def _losses(plan: Plan) -> list[tuple[int, NeuronGroup, Loss]]:
    """Outputs with a loss, and which of all outputs they are."""
    outputs = [g for g in plan.neurons if g.readout]
    return [(k, g, g.loss) for k, g in enumerate(outputs) if g.loss]


def _each_step(loss: Loss, running: Running) -> float:
    """What a step counts."""
    return 1.0 / running.examples.num_steps if loss.mean_over_steps else 1.0


def _push(device: Device, group: NeuronGroup, name: str, rows: np.ndarray) -> None:
    padded = np.zeros((device.batch, group.size), np.float32)
    padded[: len(rows)] = rows
    device.push(group.name, name, padded)


def _push_values(
    device: Device, group: NeuronGroup, target: np.ndarray, running: Running
) -> None:
    """Values of each step: (steps, examples, neurons)."""
    steps = running.examples.num_steps
    padded = np.zeros((steps, device.batch, group.size), np.float32)
    if target.ndim == 3:
        padded[:, : running.size] = target.transpose(1, 0, 2)
    device.push_array(group.name, TARGET_VALUES, padded)
