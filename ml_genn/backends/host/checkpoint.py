"""Snapshots of a model: copies of all that training changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ml_genn.backends.host.arrays.shapes import ArrayShapes
from ml_genn.backends.host.deep_r import Rewiring
from ml_genn.backends.host.snapshot_parts import (
    array_key,
    check_arrays,
    check_delays,
    check_indices,
    check_random_states,
    optimiser_keys,
    random_states,
    restore_rewiring,
    rewiring_arrays,
)
from ml_genn.codegen.layout import Layout
from ml_genn.model.plan import Delay, Learned, LearnedKind, SynapseGroup
from ml_genn.model.plan.formats import row_offsets
from ml_genn.model.snapshot import DELAYS, SOURCES, TARGETS, WEIGHTS, Key, Snapshot
from ml_genn.utils.records import Count, record_of


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """Schema of the facts of an engine.

    Args:
        examples_run: number of evaluated examples, and of trained ones.
    """

    examples_run: tuple[Count, Count]


@dataclass(frozen=True, slots=True, eq=False)
class Checkpointer:
    """Copies the arrays of a model into snapshots and back.

    Args:
        layout: indices of the arrays.
        shapes: shapes of the arrays; its values have the sparse connectivity.
        arrays: arrays by index of `Layout.arrays`.
        optimiser_state: state of the optimisers, update by update.
        rewirings: {synapse group: its synapses} of Deep-R.
        examples_run: {False: evaluated examples, True: trained examples}.
    """

    layout: Layout
    shapes: ArrayShapes
    arrays: Sequence[np.ndarray]
    optimiser_state: Sequence[np.ndarray]
    rewirings: Mapping[str, Rewiring]
    examples_run: dict[bool, int]

    def snapshot(self) -> Snapshot:
        """Returns copies of all that training changes."""
        arrays = {
            key: self.shapes.unpadded(array, stored).copy()
            for key, (array, stored) in self._stored().items()
        }
        for s in self._sparse_groups():
            source, target = self.shapes.values.indices[s.name]
            if s.name in self.rewirings:
                source, target = self.rewirings[s.name].indices()
            arrays[s.name, SOURCES] = source.astype(np.int64)
            arrays[s.name, TARGETS] = target.astype(np.int64)
        arrays |= rewiring_arrays(self.rewirings)
        info = {
            "examples_run": [self.examples_run[trains] for trains in (False, True)],
            "rewiring": random_states(self.rewirings),
        }
        return Snapshot(arrays, info)

    def restore(self, saved: Snapshot) -> None:
        """Replaces the model's arrays by those of a snapshot, which is checked first.

        Raises:
            CheckpointError: if the snapshot does not fit; nothing has changed then.
        """
        self._check(saved)
        for s in self._sparse_groups():
            self._restore_connectivity(s, saved)
        for key, (array, stored) in self._stored().items():
            self.shapes.fill(array, stored, saved.arrays[key])
            if array.kind is LearnedKind.DELAY and key[1] == DELAYS:
                steps = np.floor(saved.arrays[key] + 0.5)
                stored_steps = self._synapse_array("delay_steps", array.owner)
                self.shapes.fill(array, stored_steps, steps)
        evaluated, trained = saved.info["examples_run"]
        self.examples_run.update({False: evaluated, True: trained})

    def _restore_connectivity(self, s: SynapseGroup, saved: Snapshot) -> None:
        source, target = (saved.arrays[s.name, name] for name in (SOURCES, TARGETS))
        self.shapes.values.indices[s.name] = source.copy(), target.copy()
        rows = self.layout.plan.neuron(s.source).size
        offsets = self._synapse_array("offset", s.name)
        offsets[: rows + 1] = row_offsets(source, rows)
        self._synapse_array("target", s.name)[: target.size] = target
        if s.name in self.rewirings:
            restore_rewiring(s.name, self.rewirings[s.name], saved)

    def _synapse_array(self, kind: str, owner: str) -> np.ndarray:
        return self.arrays[self.layout.arrays[kind, owner, ""]]

    def _synapse_groups(self) -> Iterator[SynapseGroup]:
        """Yields groups with weights of their own."""
        return (s for s in self.layout.plan.synapses if not s.negates)

    def _sparse_groups(self) -> Iterator[SynapseGroup]:
        return (s for s in self._synapse_groups() if s.format.has_pairs)

    def _stored(self) -> dict[Key, tuple[Learned, np.ndarray]]:
        """Returns {key: (learned array, its memory)} of all values but connectivity.

        The state of an optimiser has the learned array that it belongs to.
        """
        stored: dict[Key, tuple[Learned, np.ndarray]] = {}
        for s in self._synapse_groups():
            array = Learned(LearnedKind.WEIGHT, s.name)
            stored[s.name, WEIGHTS] = array, self._synapse_array("weight", s.name)
            if s.delay is Delay.PER_SYNAPSE:
                kind = "delay" if s.learn_delay else "delay_steps"
                array = Learned(LearnedKind.DELAY, s.name)
                stored[s.name, DELAYS] = array, self._synapse_array(kind, s.name)
        for array in self.layout.learned:
            memory = self.arrays[self.layout.array_of(array)]
            stored[array_key(array)] = array, memory
        keys = optimiser_keys(self.layout.plan)
        for (key, array, _), memory in zip(keys, self.optimiser_state, strict=True):
            stored[key] = array, memory
        return stored

    def _check(self, saved: Snapshot) -> None:
        check_arrays(self.snapshot().arrays, saved)
        for s in self._synapse_groups():
            if s.delay is Delay.PER_SYNAPSE:
                longest = self.shapes.values.max_delays[s.name]
                check_delays(s.name, saved, longest)
            if s.format.has_pairs:
                plan = self.layout.plan
                shape = plan.neuron(s.source).size, plan.neuron(s.target).size
                check_indices(s.name, saved, shape)
        names = ("examples_run",)
        info = {name: saved.info[name] for name in names if name in saved.info}
        record_of(EngineFacts, info, "Checkpoint: engine")
        check_random_states(self.rewirings, saved)
