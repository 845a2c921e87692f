"""What a model keeps from batch to batch, taken out and put back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ml_genn.backends.host.csr import row_starts
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
from ml_genn.errors import CheckpointError
from ml_genn.model.plan import (
    Delay,
    Format,
    Learned,
    LearnedKind,
    SynapseGroup,
    Values,
)
from ml_genn.model.snapshot import (
    DELAYS,
    SOURCES,
    TARGETS,
    WEIGHTS,
    Key,
    Snapshot,
)


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """What snapshots are made of.

    Args:
        layout, values: the model's.
        arrays: by index of `Layout.arrays`.
        slots: what optimisers keep, update by update.
        rewirings: {synapse group: what Deep-R keeps}.
        examples_run: {whether they were trained on: how many examples}.
        trimmed: a copy of what is stored for an array, without padding.
        place: puts such a copy back.
    """

    layout: Layout
    values: Values
    arrays: list[np.ndarray]
    slots: list[np.ndarray]
    rewirings: Mapping[str, Rewiring]
    examples_run: dict[bool, int]
    trimmed: Callable[[Learned, np.ndarray], np.ndarray]
    place: Callable[[Learned, np.ndarray, np.ndarray], None]

    def array(self, kind: str, owner: str) -> np.ndarray:
        """One of the arrays of a synapse group."""
        return self.arrays[self.layout.arrays[kind, owner, ""]]

    def synapses(self) -> Iterator[SynapseGroup]:
        """Groups that have weights of their own."""
        return (s for s in self.layout.plan.synapses if not s.negates)

    def sparse(self) -> Iterator[SynapseGroup]:
        """Groups whose synapses are listed."""
        return (s for s in self.synapses() if s.format is Format.SPARSE)

    def numbers(self) -> dict[Key, tuple[Learned, np.ndarray]]:
        """{key: (what it belongs to, where it is stored)} of weights, delays,
        parameters and what optimisers keep for them."""
        found: dict[Key, tuple[Learned, np.ndarray]] = {}
        for s in self.synapses():
            array = Learned(LearnedKind.WEIGHT, s.name)
            found[s.name, WEIGHTS] = array, self.array("weight", s.name)
            if s.delay is Delay.PER_SYNAPSE:
                kind = "delay" if s.learn_delay else "delay_steps"
                array = Learned(LearnedKind.DELAY, s.name)
                found[s.name, DELAYS] = array, self.array(kind, s.name)
        for array in self.layout.learned:
            stored = self.arrays[self.layout.array_of(array)]
            found[array_key(array)] = array, stored
        slots = zip(optimiser_keys(self.layout.plan), self.slots, strict=True)
        for (key, array, _), values in slots:
            found[key] = array, values
        return found


def snapshot(stored: Stored) -> Snapshot:
    """Copies of all that is kept."""
    arrays = {k: stored.trimmed(*place) for k, place in stored.numbers().items()}
    for s in stored.sparse():
        source, target = stored.values.indices[s.name]
        if s.name in stored.rewirings:
            source, target = stored.rewirings[s.name].indices()
        arrays[s.name, SOURCES] = source.astype(np.int64)
        arrays[s.name, TARGETS] = target.astype(np.int64)
    arrays |= rewiring_arrays(stored.rewirings)
    info = {
        "examples_run": [stored.examples_run[trains] for trains in (False, True)],
        "rewiring": random_states(stored.rewirings),
    }
    return Snapshot(arrays, info)


def restore(stored: Stored, given: Snapshot) -> None:
    """Puts back what a snapshot has; it is checked first.

    Raises:
        CheckpointError: if an array is missing or does not fit, by its name.
    """
    _check(stored, given)
    for s in stored.sparse():
        source, target = (given.arrays[s.name, name] for name in (SOURCES, TARGETS))
        stored.values.indices[s.name] = source.copy(), target.copy()
        rows = stored.layout.plan.neuron(s.source).size
        stored.array("offset", s.name)[: rows + 1] = row_starts(source, rows)
        stored.array("target", s.name)[: target.size] = target
        if s.name in stored.rewirings:
            restore_rewiring(s.name, stored.rewirings[s.name], given)
    for key, (array, storage) in stored.numbers().items():
        stored.place(array, storage, given.arrays[key])
        if array.kind is LearnedKind.DELAY and key[1] == DELAYS:
            steps = np.floor(given.arrays[key] + 0.5)
            stored.place(array, stored.array("delay_steps", array.owner), steps)
    evaluated, trained = given.info["examples_run"]
    stored.examples_run.update({False: evaluated, True: trained})


def _check(stored: Stored, given: Snapshot) -> None:
    """Checks that a snapshot fits the model.

    Raises:
        CheckpointError: if it does not, by the name of the array.
    """
    check_arrays(snapshot(stored).arrays, given)
    for s in stored.synapses():
        if s.delay is Delay.PER_SYNAPSE:
            check_delays(s.name, given, stored.values.max_delays[s.name])
        if s.format is Format.SPARSE:
            plan = stored.layout.plan
            shape = plan.neuron(s.source).size, plan.neuron(s.target).size
            check_indices(s.name, given, shape)
    counts = given.info.get("examples_run")
    if not isinstance(counts, list) or len(counts) != len(stored.examples_run):
        raise CheckpointError("Checkpoint: 'examples_run' is missing.")
    check_random_states(stored.rewirings, given)
