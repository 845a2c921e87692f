"""Gradients of a batch and the optimisers' steps, after the backward pass."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ml_genn.backends.pygenn.lowering.custom_updates import arrays_with_same_weights
from ml_genn.backends.pygenn.lowering.names import (
    COPY,
    OPTIMISE,
    REDUCE,
    SUM,
    parameter_gradient,
)
from ml_genn.backends.pygenn.runtime.checkpoint import restore, snapshot
from ml_genn.backends.pygenn.runtime.device import Device
from ml_genn.backends.pygenn.runtime.parameters import Parameters
from ml_genn.model.batch import Divergence
from ml_genn.model.plan import (
    GLOBAL_NORM,
    GRADIENT_NORM,
    MAX_SAFE_NUMBER,
    MAX_STORED_NUMBER,
    SAFE_SCALARS,
    Learned,
    LearnedKind,
    OptimiserUpdate,
    Plan,
)

Gradients = dict[Learned, np.ndarray]


def _are_usable(stored: np.ndarray) -> bool:
    """Returns True if numbers that a step has stored are not too large."""
    return bool(np.all(np.abs(stored) < MAX_STORED_NUMBER))


def largest(gradients: Gradients) -> dict[Learned, float]:
    """Returns {learned array: largest absolute value of its gradient}."""
    return {a: float(np.abs(g).max(initial=0.0)) for a, g in gradients.items()}


@dataclass(slots=True, eq=False)
class Optimiser:
    """Optimiser steps of all learned arrays.

    Args:
        plan: the plan.
        device: the device.
        parameters: the learned values.
        scalars: scalars of the optimisers, such as learning rates, update by update.
        checks_steps: True if the numbers that a step stores are checked, as after the
            first step that might overflow; False by default.
    """

    plan: Plan
    device: Device
    parameters: Parameters
    scalars: np.ndarray
    checks_steps: bool = False

    def gradients(self, of_parameters: Gradients, *, pull_all: bool) -> Gradients:
        """Returns gradients, summed over the batch.

        Args:
            of_parameters: gradients of parameters, (neurons,) each.
            pull_all: return the gradients of all arrays. Otherwise those that the host
                need not change stay on the device.
        """
        self.device.run_updates(REDUCE)
        gradients: Gradients = {}
        for array in self.plan.learned:
            if array.kind is LearnedKind.PARAMETER:
                per_neuron = of_parameters[array]
                shared = np.shape(self.parameters.last_set(array)) == ()
                gradient = np.sum(per_neuron) if shared else per_neuron
                gradients[array] = np.asarray(gradient, np.float32)
            elif pull_all or self._is_summed_on_host(array):
                gradients[array] = self._synaptic_gradient(array)
        return gradients

    def _is_summed_on_host(self, array: Learned) -> bool:
        """True if several synapses, or groups of them, share a weight."""
        copies = self.parameters.storages[array.owner].copies_weights
        return copies or len(arrays_with_same_weights(self.plan, array)) > 1

    def _synaptic_gradient(self, array: Learned) -> np.ndarray:
        """Returns the gradient of weights or delays.

        Where synapses share a weight, each gets the sum of their gradients, so that the
        optimiser makes the same step for all of them.
        """
        storage = self.parameters.storages[array.owner]
        shape = np.shape(self.parameters.last_set(array))
        members = [
            storage.gradient_to_user(
                self.device.pull_update(f"{REDUCE} {member}", SUM), shape
            )
            for member in arrays_with_same_weights(self.plan, array)
        ]
        total: np.ndarray = np.sum(members, axis=0)
        if self._is_summed_on_host(array):
            stored = storage.to_device(total)
            self.device.push_update(f"{REDUCE} {array}", SUM, stored)
        return total

    def step_if_finite(
        self, gradients: Gradients
    ) -> tuple[dict[str, tuple[int, int]], Divergence | None]:
        """Runs the optimisers; takes the step back if a number is then not finite.

        GeNN computes no step on trial, so values are copied before a step that might
        overflow.

        Args:
            gradients: result of `gradients`, of all arrays.

        Returns:
            The result of `step`, and the numbers that are not finite; None if all are.
        """
        self.checks_steps = self.checks_steps or not self._is_safe(gradients)
        if not self.checks_steps:
            return self.step(gradients), None
        before = snapshot(self.parameters)
        rewirings = self.step(gradients)
        steps = tuple(
            update.target
            for update in self.plan.updates
            if not all(_are_usable(numbers) for numbers in self._stored(update))
        )
        if not steps:
            return rewirings, None
        restore(self.parameters, before)
        return {}, Divergence(gradients=largest(gradients), steps=steps)

    def _stored(self, update: OptimiserUpdate) -> Iterator[np.ndarray]:
        """Yields what an update stores: learned values and the optimiser's state."""
        yield self.parameters.current(update.target)
        for slot in update.slots:
            yield self.parameters.slot(update.target, slot)

    def _is_safe(self, gradients: Gradients) -> bool:
        """Returns True if this step cannot overflow; see `OptimiserUpdate.bounded`."""
        scalars = np.abs(self.scalars[self.scalars != 0.0])
        low, high = SAFE_SCALARS
        return (
            all(update.bounded for update in self.plan.updates)
            and max(largest(gradients).values(), default=0.0) <= MAX_SAFE_NUMBER
            and bool(np.all((scalars >= low) & (scalars <= high)))
        )

    def step(self, gradients: Gradients) -> dict[str, tuple[int, int]]:
        """Runs the optimisers.

        Args:
            gradients: result of `gradients`, of all arrays.

        Returns:
            {group that Deep-R rewires: (synapses replaced, rejected draws)}.
        """
        for array, gradient in gradients.items():
            if array.kind is LearnedKind.PARAMETER:
                row = np.broadcast_to(gradient, self.plan.neuron(array.owner).size)
                self.device.push(array.owner, parameter_gradient(array.name), row)
        self._set_scalars(gradients)
        self.device.run_updates(OPTIMISE)
        self.device.run_updates(COPY)
        return self.parameters.after_optimisers()

    def _set_scalars(self, gradients: Gradients) -> None:
        first = 0
        squares = {
            a: float(np.sum(g.astype(np.float64) ** 2)) for a, g in gradients.items()
        }
        for update in self.plan.updates:
            scalars = dict(zip(update.scalars, self.scalars[first:], strict=False))
            first += len(update.scalars)
            norms = {
                GRADIENT_NORM: squares.get(update.target, 0.0) ** 0.5,
                GLOBAL_NORM: sum(squares.values()) ** 0.5,
            }
            scalars |= {n: v for n, v in norms.items() if n in update.code.reads}
            name = f"{OPTIMISE} {update.target}"
            for scalar, value in scalars.items():
                self.device.set_update_parameter(name, scalar, float(value))
