"""Gradients of a batch and the optimisers' steps, after the backward pass."""

from __future__ import annotations

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
from ml_genn.backends.pygenn.runtime.device import Device
from ml_genn.backends.pygenn.runtime.parameters import Parameters
from ml_genn.model.plan import GLOBAL_NORM, GRADIENT_NORM, Learned, LearnedKind, Plan

Gradients = dict[Learned, np.ndarray]


@dataclass(frozen=True, slots=True, eq=False)
class Optimiser:
    """Optimiser steps of all learned arrays.

    Args:
        plan: the plan.
        device: the device.
        parameters: the learned values.
        scalars: scalars of the optimisers, such as learning rates, update by update.
    """

    plan: Plan
    device: Device
    parameters: Parameters
    scalars: np.ndarray

    @property
    def needs_norms(self) -> bool:
        """True if an optimiser reads the norm of a gradient."""
        return any(update.norms for update in self.plan.updates)

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

    def step(self, gradients: Gradients) -> dict[str, tuple[int, int]]:
        """Runs the optimisers.

        Args:
            gradients: result of `gradients`; all arrays if an optimiser reads norms.

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
