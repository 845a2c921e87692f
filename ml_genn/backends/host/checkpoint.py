"""What a model keeps from batch to batch, taken out and put back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ml_genn.backends.host.csr import check_listed, row_starts
from ml_genn.backends.host.deep_r import Rewiring
from ml_genn.codegen.layout import Layout
from ml_genn.errors import CheckpointError
from ml_genn.model.plan import (
    SIGN,
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
    key_text,
    slot_name,
)

_NAMES = {LearnedKind.WEIGHT: WEIGHTS, LearnedKind.DELAY: DELAYS}
PAIRS, SIGNS = slot_name(WEIGHTS, "pairs"), slot_name(WEIGHTS, SIGN + "s")
LARGEST = float(np.finfo(np.float32).max)


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
            found[array.owner, _name(array)] = array, stored
        slots = iter(self.slots)
        for update in self.layout.plan.updates:
            for slot in update.slots:
                key = update.target.owner, slot_name(_name(update.target), slot)
                found[key] = update.target, next(slots)
        return found


def _name(array: Learned) -> str:
    return _NAMES.get(array.kind, array.name)


def snapshot(stored: Stored) -> Snapshot:
    """Copies of all that is kept."""
    arrays = {k: stored.trimmed(*place) for k, place in stored.numbers().items()}
    for s in stored.sparse():
        source, target = stored.values.indices[s.name]
        if s.name in stored.rewirings:
            rewiring = stored.rewirings[s.name]
            source, target = np.divmod(rewiring.keys(), rewiring.shape[1])
            arrays[s.name, PAIRS] = rewiring.first["pairs"].copy()
            arrays[s.name, SIGNS] = rewiring.first["signs"].copy()
        arrays[s.name, SOURCES] = source.astype(np.int64)
        arrays[s.name, TARGETS] = target.astype(np.int64)
    info = {
        "examples_run": [stored.examples_run[trains] for trains in (False, True)],
        "rewiring": {
            name: rewiring.rng.bit_generator.state
            for name, rewiring in stored.rewirings.items()
        },
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
            rewiring = stored.rewirings[s.name]
            rewiring.first["pairs"] = given.arrays[s.name, PAIRS].copy()
            rewiring.first["signs"] = given.arrays[s.name, SIGNS].copy()
            rewiring.rng.bit_generator.state = given.info["rewiring"][s.name]
    for key, (array, storage) in stored.numbers().items():
        stored.place(array, storage, given.arrays[key])
        if array.kind is LearnedKind.DELAY and key[1] == DELAYS:
            steps = np.floor(given.arrays[key] + 0.5)
            stored.place(array, stored.array("delay_steps", array.owner), steps)
    evaluated, trained = given.info["examples_run"]
    stored.examples_run.update({False: evaluated, True: trained})


def _check(stored: Stored, given: Snapshot) -> None:
    expected = snapshot(stored).arrays
    for key, array in expected.items():
        if key not in given.arrays:
            raise CheckpointError(f"Checkpoint: array '{key_text(key)}' is missing.")
        found = given.arrays[key]
        if found.shape != array.shape or found.dtype.kind not in "iuf":
            raise CheckpointError(
                f"Checkpoint: array '{key_text(key)}' of this network has shape "
                f"{array.shape}. Received {found.dtype} of shape {found.shape}."
            )
        if np.any(~(np.abs(found) <= LARGEST)):
            raise CheckpointError(
                f"Checkpoint: array '{key_text(key)}' holds numbers that are not "
                "finite."
            )
    for s in stored.synapses():
        _check_synapses(stored, s, given)
    counts = given.info.get("examples_run")
    if not isinstance(counts, list) or len(counts) != len(stored.examples_run):
        raise CheckpointError("Checkpoint: 'examples_run' is missing.")
    for name in stored.rewirings:
        if name not in given.info.get("rewiring", {}):
            raise CheckpointError(
                f"Checkpoint: the random state of connection '{name}', which is "
                "rewired, is missing."
            )


def _check_synapses(stored: Stored, s: SynapseGroup, given: Snapshot) -> None:
    """Refuses delays that are too long, and lists of neurons that there are not."""
    if s.delay is Delay.PER_SYNAPSE:
        _check_delays(s.name, given, stored.values.max_delays[s.name])
    if s.format is not Format.SPARSE:
        return
    source, target = (given.arrays[s.name, name] for name in (SOURCES, TARGETS))
    plan = stored.layout.plan
    shape = plan.neuron(s.source).size, plan.neuron(s.target).size
    check_listed(s.name, source, target, shape)


def _check_delays(name: str, given: Snapshot, longest: int) -> None:
    delays = given.arrays[name, DELAYS]
    if delays.min() < 0 or delays.max() > longest:
        raise CheckpointError(
            f"Checkpoint: delays of connection '{name}' are from 0 to {longest} steps. "
            f"Received {delays.min():g} to {delays.max():g}."
        )
