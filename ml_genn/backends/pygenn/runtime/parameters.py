"""Learned values of a model: weights, delays, parameters and their optimiser state.

While the model is loaded, the device has the current values of learned arrays. The host
has the values that were set last, and those of arrays that are not learned.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ml_genn.backends.pygenn.lowering.custom_updates import arrays_with_same_weights
from ml_genn.backends.pygenn.lowering.names import DELAY, OPTIMISE, OPTIMISED, WEIGHT
from ml_genn.backends.pygenn.lowering.neurons.values import constants, learned_constants
from ml_genn.backends.pygenn.lowering.synapses.formats import genn_format
from ml_genn.backends.pygenn.lowering.synapses.storage import (
    MaskedDense,
    SynapseStorage,
    delay_steps,
)
from ml_genn.backends.pygenn.runtime.deep_r import create_rewirings, optimiser_slots
from ml_genn.backends.pygenn.runtime.device import Device
from ml_genn.model.plan import (
    SIGN,
    Delay,
    Learned,
    LearnedKind,
    Plan,
    PlanValues,
)


class Parameters:
    """Weights, delays, parameters and the state of their optimisers.

    Arrays are shaped as users know them: weights and delays (source size, target size),
    (synapses,) if sparse, or of the shape of their kernel; parameters (neurons,), or ()
    if neurons share them.

    Args:
        plan: the plan.
        values: its initial values.
        device: the device.
        seed: seed of Deep-R.

    Attributes:
        values: values of the host, as they were set last.
        rewirings: {synapse group that Deep-R rewires: its synapses}.
        storages: {synapse group: layout of its values on the device}.
    """

    def __init__(
        self, plan: Plan, values: PlanValues, device: Device, seed: int
    ) -> None:
        self.plan = plan
        self._device = device
        parameters = {group: dict(p) for group, p in values.parameters.items()}
        weights = {n: np.array(w, np.float32) for n, w in values.weights.items()}
        self.values = replace(
            values, weights=weights, delays=dict(values.delays), parameters=parameters
        )
        self._updates = {update.target: update for update in plan.updates}
        self.rewirings = create_rewirings(plan, values, seed)
        self.storages: dict[str, SynapseStorage] = {
            s.name: genn_format(s).storage(plan, values, s)
            for s in plan.synapses
            if not s.negates
        }
        for name, rewiring in self.rewirings.items():
            size = int(np.prod(rewiring.shape))
            self.storages[name] = MaskedDense(size, rewiring.pairs)

    # ------------------------------------------------------------ read
    def current(self, array: Learned) -> np.ndarray:
        """Returns the current values of an array."""
        if array in self._updates and self._device.num_steps is not None:
            return self._pull(array, OPTIMISED)
        return np.asarray(self.last_set(array))

    def last_set(self, array: Learned) -> Any:
        """Returns the values of an array as they were set last."""
        if array.kind is LearnedKind.PARAMETER:
            return self.values.parameters[array.owner][array.name]
        weight = array.kind is LearnedKind.WEIGHT
        return (self.values.weights if weight else self.values.delays)[array.owner]

    def slot(self, array: Learned, name: str) -> np.ndarray:
        """Returns the values that an optimiser stores beside an array."""
        if self._device.num_steps is not None:
            return self._pull(array, name)
        if name == SIGN:
            return self.rewirings[array.owner].sign.copy()
        return np.zeros(np.shape(self.last_set(array)), np.float32)

    def _pull(self, array: Learned, name: str) -> np.ndarray:
        """Returns a variable of an array's optimiser."""
        stored = self._device.pull_update(f"{OPTIMISE} {array}", name)
        last = np.asarray(self.last_set(array))
        if array.kind is not LearnedKind.PARAMETER:
            unused = last if name == OPTIMISED else np.zeros_like(last)
            return self.storages[array.owner].to_user(stored, unused)
        # A shared parameter has one value for each neuron, all equal.
        return np.array(stored[0]) if last.ndim == 0 else stored.reshape(last.shape)

    def delays(self, name: str) -> np.ndarray:
        """Returns the delays of a synapse group [steps], () if they are all equal."""
        if self.plan.synapse(name).delay is not Delay.PER_SYNAPSE:
            return np.asarray(self.values.delays.get(name, 0))
        return self.current(Learned(LearnedKind.DELAY, name)).copy()

    def indices(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Returns source and target neuron of each synapse of a sparse group."""
        if name in self.rewirings:
            return self.rewirings[name].indices()
        source, target = self.values.indices[name]
        return source.copy(), target.copy()

    # ------------------------------------------------------------ write
    def assign(self, array: Learned, values: np.ndarray) -> None:
        """Replaces the values of an array, and all that follows from them."""
        if array.kind is LearnedKind.PARAMETER:
            self._set_parameter(array, values)
        else:
            weight = array.kind is LearnedKind.WEIGHT
            on_host = self.values.weights if weight else self.values.delays
            on_host[array.owner] = np.array(values, np.float32)
            for member in arrays_with_same_weights(self.plan, array):
                self._push_synapses(member, array, values)
        if array in self._updates:
            self.set_slot(array, OPTIMISED, values)

    def set_slot(self, array: Learned, name: str, values: np.ndarray) -> None:
        """Replaces values that an optimiser stores beside an array."""
        stored = np.asarray(values, np.float32)
        if array.kind is not LearnedKind.PARAMETER:
            stored = self.storages[array.owner].to_device(stored)
        self._device.push_update(f"{OPTIMISE} {array}", name, stored)

    def _push_synapses(
        self, member: Learned, array: Learned, values: np.ndarray
    ) -> None:
        """Copies an array to synapses: its own, or those that negate its weights."""
        storage = self.storages[array.owner]
        if array.kind is LearnedKind.WEIGHT:
            name, stored = WEIGHT, storage.to_device(np.asarray(values, np.float32))
        else:
            name, stored = DELAY, storage.to_device(delay_steps(values))
        self._device.push_synapses(member.owner, name, stored)

    def _set_parameter(self, array: Learned, values: np.ndarray) -> None:
        """Replaces a parameter, and recomputes the constants that depend on it."""
        self.values.parameters[array.owner][array.name] = np.array(values)
        group = self.plan.neuron(array.owner)
        shared, per_neuron = constants(group, self.values)
        dependent = learned_constants(group)
        for name in dependent & set(shared):
            self._device.set_neuron_parameter(group.name, name, shared[name])
        for variable in per_neuron:
            if variable.name in dependent:
                self._device.push(group.name, variable.name, variable.value)

    # ------------------------------------------------------------ after optimisers
    def after_optimisers(self) -> dict[str, tuple[int, int]]:
        """Updates all that depends on learned values, and rewires.

        Returns:
            {group that Deep-R rewires: (synapses replaced, rejected draws)}.
        """
        for array in self.plan.learned:
            if array.kind is LearnedKind.PARAMETER:
                self._set_parameter(array, self.current(array))
                continue
            for member in arrays_with_same_weights(self.plan, array):
                if member != array:
                    self._push_synapses(member, array, self.current(array))
        return {name: self._rewire(name) for name in self.rewirings}

    def _rewire(self, name: str) -> tuple[int, int]:
        array, rewiring = Learned(LearnedKind.WEIGHT, name), self.rewirings[name]
        slots = optimiser_slots(self._updates[array])
        rewiring.weight[:] = self.current(array)
        for slot, values in zip(slots, rewiring.optimiser_state, strict=True):
            values[:] = self.slot(array, slot)
        replaced, rejected = rewiring.rewire()
        if replaced:
            self.assign(array, rewiring.weight)
            for slot, values in zip(slots, rewiring.optimiser_state, strict=True):
                self.set_slot(array, slot, values)
            self.set_slot(array, SIGN, rewiring.sign)
        return replaced, rejected

    def reset_signs(self, name: str) -> None:
        """Gives the synapses of a rewired group the signs of their current weights."""
        rewiring = self.rewirings[name]
        array = Learned(LearnedKind.WEIGHT, name)
        rewiring.weight[:] = self.current(array)
        rewiring.begin()
        self.set_slot(array, SIGN, rewiring.sign)
