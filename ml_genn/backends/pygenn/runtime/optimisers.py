"""After the backward pass: sums of gradients, and the optimisers' steps."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ml_genn.backends.pygenn.backward import neurons as backward
from ml_genn.backends.pygenn.lowering import custom_updates as updates
from ml_genn.backends.pygenn.runtime.device import Device
from ml_genn.backends.pygenn.runtime.parameters import Kept
from ml_genn.model.plan import GLOBAL_NORM, GRADIENT_NORM, Learned, LearnedKind, Plan

Gradients = dict[Learned, np.ndarray]


def gradients(
    plan: Plan, device: Device, kept: Kept, parameters: Gradients, every: bool
) -> Gradients:
    """Sums of gradients over the batch.

    Args:
        parameters: those by parameters, of each neuron.
        every: whether all are wanted here, not only those that must pass through.
    """
    device.update(updates.REDUCE)
    found: Gradients = {}
    for array in plan.learned:
        if array.kind is LearnedKind.PARAMETER:
            each, shared = parameters[array], np.shape(kept.given(array)) == ()
            found[array] = np.asarray(np.sum(each) if shared else each, np.float32)
        elif every or _through_numpy(plan, kept, array):
            found[array] = _gradient(plan, device, kept, array)
    return found


def _through_numpy(plan: Plan, kept: Kept, array: Learned) -> bool:
    """Whether several synapses, or groups of them, have the same number."""
    shares = kept.storages[array.owner].shares
    return shares or len(updates.members(plan, array)) > 1


def _gradient(plan: Plan, device: Device, kept: Kept, array: Learned) -> np.ndarray:
    """The gradient by what synapses have; where they share numbers, each is given the
    whole of it, so that its optimiser does what those of the others do."""
    storage = kept.storages[array.owner]
    shape = np.shape(kept.given(array))
    parts = [
        storage.summed(device.pull_update(f"{updates.REDUCE} {m}", updates.SUM), shape)
        for m in updates.members(plan, array)
    ]
    total: np.ndarray = np.sum(parts, axis=0)
    if _through_numpy(plan, kept, array):
        stored = storage.stored(total)
        device.push_update(f"{updates.REDUCE} {array}", updates.SUM, stored)
    return total


def optimise(
    plan: Plan, device: Device, gradients: Gradients, scalars: np.ndarray
) -> None:
    """The optimisers' steps, given their scalars update by update."""
    for array, gradient in gradients.items():
        if array.kind is LearnedKind.PARAMETER:
            name = backward.parameter_gradient(array.name)
            row = np.broadcast_to(gradient, plan.neuron(array.owner).size)
            device.push(array.owner, name, row)
    _set_scalars(plan, device, gradients, scalars)
    device.update(updates.OPTIMISE)
    device.update(updates.APPLY)


def _set_scalars(
    plan: Plan,
    device: Device,
    gradients: Mapping[Learned, np.ndarray],
    scalars: np.ndarray,
) -> None:
    start = 0
    squares = {
        a: float(np.sum(g.astype(np.float64) ** 2)) for a, g in gradients.items()
    }
    for update in plan.updates:
        own = dict(zip(update.scalars, scalars[start:], strict=False))
        start += len(update.scalars)
        norms = {
            GRADIENT_NORM: squares.get(update.target, 0.0) ** 0.5,
            GLOBAL_NORM: sum(squares.values()) ** 0.5,
        }
        own |= {n: v for n, v in norms.items() if n in update.code.reads}
        for name, value in own.items():
            device.set_for(f"{updates.OPTIMISE} {update.target}", name, float(value))
