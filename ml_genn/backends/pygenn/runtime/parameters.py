"""What a model has learned or could learn: on the device, and as users know it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ml_genn.backends.pygenn.backward.roles import WEIGHT
from ml_genn.backends.pygenn.lowering import custom_updates as updates
from ml_genn.backends.pygenn.lowering.synapse_storage import (
    Spread,
    Storage,
    storage_of,
    whole_steps,
)
from ml_genn.backends.pygenn.lowering.synapses import DELAY
from ml_genn.backends.pygenn.lowering.values import changing, constants
from ml_genn.backends.pygenn.runtime import deep_r as rewired
from ml_genn.backends.pygenn.runtime.device import Device
from ml_genn.model.plan import (
    SIGN,
    Delay,
    Learned,
    LearnedKind,
    Plan,
    Values,
)


class Kept:
    """Weights, delays, parameters, and what optimisers keep for them.

    Args:
        plan: the plan.
        values: its numbers at first.
        device: where the model runs.
        seed: of the synapses that Deep-R makes.

    Attributes:
        values: numbers as they were last given.
        rewirings: {synapse group: its synapses, which change places}.
        storages: {synapse group: how its numbers are stored}.
    """

    def __init__(self, plan: Plan, values: Values, device: Device, seed: int) -> None:
        self.plan = plan
        self._device = device
        own = {group: dict(given) for group, given in values.parameters.items()}
        weights = {n: np.array(w, np.float32) for n, w in values.weights.items()}
        self.values = replace(
            values, weights=weights, delays=dict(values.delays), parameters=own
        )
        self._updates = {update.target: update for update in plan.updates}
        self.rewirings = rewired.rewirings(plan, values, seed)
        self.storages: dict[str, Storage] = {
            s.name: storage_of(plan, values, s) for s in plan.synapses if not s.negates
        }
        for name, rewiring in self.rewirings.items():
            self.storages[name] = Spread(int(np.prod(rewiring.shape)), rewiring.keys)

    # ------------------------------------------------------------ read
    def number(self, array: Learned) -> np.ndarray:
        """What is learned or could be, at the moment, shaped as users know it."""
        if array in self._updates and self._device.steps is not None:
            return self._pulled(array, updates.X)
        return np.asarray(self.given(array))

    def given(self, array: Learned) -> Any:
        """What it was when it was last given."""
        if array.kind is LearnedKind.PARAMETER:
            return self.values.parameters[array.owner][array.name]
        weight = array.kind is LearnedKind.WEIGHT
        return (self.values.weights if weight else self.values.delays)[array.owner]

    def _pulled(self, array: Learned, name: str) -> np.ndarray:
        """What the optimiser of an array keeps; shared parameters are kept for each
        neuron, all alike."""
        found = self._device.pull_update(f"{updates.OPTIMISE} {array}", name)
        last = np.asarray(self.given(array))
        if array.kind is not LearnedKind.PARAMETER:
            own = last if name == updates.X else np.zeros_like(last)
            return self.storages[array.owner].known(found, own)
        return np.array(found[0]) if last.ndim == 0 else found.reshape(last.shape)

    def slot(self, array: Learned, name: str) -> np.ndarray:
        """What an optimiser keeps for each number of an array."""
        if self._device.steps is not None:
            return self._pulled(array, name)
        if name == SIGN:
            return self.rewirings[array.owner].sign.copy()
        return np.zeros(np.shape(self.given(array)), np.float32)

    def delays(self, name: str) -> np.ndarray:
        """The delays of a synapse group in time steps, shaped as its weights; a number
        if all have the same."""
        if self.plan.synapse(name).delay is not Delay.PER_SYNAPSE:
            return np.asarray(self.values.delays.get(name, 0))
        return self.number(Learned(LearnedKind.DELAY, name)).copy()

    def indices(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Source and target neuron of each synapse of a sparse group."""
        if name in self.rewirings:
            rewiring = self.rewirings[name]
            source, target = np.divmod(rewiring.keys(), rewiring.shape[1])
            return source, target
        source, target = self.values.indices[name]
        return source.copy(), target.copy()

    # ------------------------------------------------------------ replace
    def set_number(self, array: Learned, values: np.ndarray) -> None:
        """Replaces what synapses or neurons have, and what is copied from it."""
        if array.kind is LearnedKind.PARAMETER:
            self._set_parameter(array, values)
        else:
            weight = array.kind is LearnedKind.WEIGHT
            kept = self.values.weights if weight else self.values.delays
            kept[array.owner] = np.array(values, np.float32)
            for member in updates.members(self.plan, array):
                self._push(member, array, values)
        if array in self._updates:
            self.set_slot(array, updates.X, values)

    def _push(self, member: Learned, array: Learned, values: np.ndarray) -> None:
        """Gives synapses their numbers; a group that negates has those of another."""
        storage = self.storages[array.owner]
        if array.kind is LearnedKind.WEIGHT:
            name, numbers = WEIGHT, storage.stored(np.asarray(values, np.float32))
        else:
            name, numbers = DELAY, storage.stored(whole_steps(values))
        self._device.push_synapses(member.owner, name, numbers)

    def set_slot(self, array: Learned, name: str, values: np.ndarray) -> None:
        """Replaces what an optimiser keeps."""
        stored = np.asarray(values, np.float32)
        if array.kind is not LearnedKind.PARAMETER:
            stored = self.storages[array.owner].stored(stored)
        self._device.push_update(f"{updates.OPTIMISE} {array}", name, stored)

    def _set_parameter(self, array: Learned, values: np.ndarray) -> None:
        """Takes a parameter over into the constants that depend on it."""
        self.values.parameters[array.owner][array.name] = np.array(values)
        group = self.plan.neuron(array.owner)
        shared, own = constants(group, self.values)
        dependent = changing(group)
        for name in dependent & set(shared):
            self._device.set_constant(group.name, name, shared[name])
        for variable in own:
            if variable.name in dependent:
                self._device.push(group.name, variable.name, variable.value)

    # ------------------------------------------------------------ after a step
    def follow(self) -> dict[str, tuple[int, int]]:
        """What follows from a step of the optimisers; {group: what Deep-R did}."""
        for array in self.plan.learned:
            if array.kind is LearnedKind.PARAMETER:
                self._set_parameter(array, self.number(array))
                continue
            for member in updates.members(self.plan, array):
                if member != array:
                    self._push(member, array, self.number(array))
        return {name: self._rewire(name) for name in self.rewirings}

    def _rewire(self, name: str) -> tuple[int, int]:
        array, rewiring = Learned(LearnedKind.WEIGHT, name), self.rewirings[name]
        slots = rewired.others(self._updates[array])
        rewiring.weight[:] = self.number(array)
        for slot, numbers in zip(slots, rewiring.numbers, strict=True):
            numbers[:] = self.slot(array, slot)
        found = rewiring.rewire()
        if found[0]:
            self.set_number(array, rewiring.weight)
            for slot, numbers in zip(slots, rewiring.numbers, strict=True):
                self.set_slot(array, slot, numbers)
            self.set_slot(array, SIGN, rewiring.sign)
        return found

    def give_signs(self, name: str) -> None:
        """Gives rewired synapses the signs of their weights."""
        rewiring = self.rewirings[name]
        array = Learned(LearnedKind.WEIGHT, name)
        rewiring.weight[:] = self.number(array)
        rewiring.begin()
        self.set_slot(array, SIGN, rewiring.sign)
