"""Conversion between padded arrays of the engines and arrays in the shapes of users."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml_genn.model.plan import Learned, LearnedKind, Plan, PlanValues


@dataclass(frozen=True, slots=True, eq=False)
class ArrayShapes:
    """Shapes of the learned arrays of a plan and of values per synapse.

    Users see (source size, target size) for dense synapses, (synapses,) for sparse ones
    and the kernel's shape for convolutions; (neurons,) for parameters, or () if all
    neurons have the same value.

    Args:
        plan: the plan.
        values: its values; their ``indices`` are the current sparse connectivity.
    """

    plan: Plan
    values: PlanValues

    def unpadded(self, array: Learned, stored: np.ndarray) -> np.ndarray:
        """Returns a learned array, or its gradient; a view if possible.

        Args:
            array: the learned array.
            stored: its values in an engine's form.
        """
        if array.kind is not LearnedKind.PARAMETER:
            return self.unpadded_synapses(array.owner, stored)
        group = self.plan.neuron(array.owner)
        shared = group.learned_parameter(array.name).shared
        return stored[0, ...] if shared else stored[: group.size]

    def unpadded_synapses(self, name: str, stored: np.ndarray) -> np.ndarray:
        """Returns values of the synapses of a group; a view if possible.

        Args:
            name: name of the synapse group.
            stored: the values in an engine's form.
        """
        synapses = self.plan.synapse(name)
        storage = synapses.format
        weights_shape = storage.weights_shape(
            self.plan.neuron(synapses.source).size,
            self.plan.neuron(synapses.target).size,
            len(self.values.indices[name][0]) if storage.has_pairs else 0,
        )
        shape = storage.storage_shape(weights_shape)
        return storage.from_storage(stored[tuple(slice(size) for size in shape)])

    def fill(self, array: Learned, stored: np.ndarray, values: np.ndarray) -> None:
        """Stores a learned array: the reverse of `unpadded`.

        Args:
            array: the learned array.
            stored: memory in an engine's form.
            values: the values in the shape of users.
        """
        if array.kind is not LearnedKind.PARAMETER:
            self.fill_synapses(array.owner, stored, values)
        else:
            stored[: max(values.size, 1)] = values

    def fill_synapses(self, name: str, stored: np.ndarray, values: np.ndarray) -> None:
        """Stores values of the synapses of a group: the reverse of `unpadded_synapses`.

        Args:
            name: name of the synapse group.
            stored: memory in an engine's form.
            values: the values in the shape of users.
        """
        values = self.plan.synapse(name).format.to_storage(values)
        stored[tuple(slice(size) for size in values.shape)] = values
