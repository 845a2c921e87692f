"""What a model keeps from batch to batch, taken out and put back."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ml_genn.backends.host.csr import check_listed
from ml_genn.backends.pygenn.runtime import deep_r as rewired
from ml_genn.backends.pygenn.runtime.parameters import Kept
from ml_genn.errors import CheckpointError
from ml_genn.model.plan import SIGN, Delay, Format, Learned, LearnedKind
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

PAIRS, SIGNS = slot_name(WEIGHTS, "pairs"), slot_name(WEIGHTS, SIGN + "s")
_NAMES = {LearnedKind.WEIGHT: WEIGHTS, LearnedKind.DELAY: DELAYS}


def _numbers(kept: Kept) -> Iterator[tuple[Key, Learned]]:
    for s in kept.plan.synapses:
        if s.negates:
            continue
        yield (s.name, WEIGHTS), Learned(LearnedKind.WEIGHT, s.name)
        if s.delay is Delay.PER_SYNAPSE:
            yield (s.name, DELAYS), Learned(LearnedKind.DELAY, s.name)
    for array in kept.plan.learned:
        if array.kind is LearnedKind.PARAMETER:
            yield (array.owner, array.name), array


def _slots(kept: Kept) -> Iterator[tuple[Key, Learned, str]]:
    for update in kept.plan.updates:
        for slot in update.slots:
            name = _NAMES.get(update.target.kind, update.target.name)
            yield (update.target.owner, slot_name(name, slot)), update.target, slot


def snapshot(kept: Kept) -> Snapshot:
    """Copies of all that is kept."""
    arrays: dict[Key, np.ndarray] = {}
    for key, array in _numbers(kept):
        arrays[key] = np.array(kept.number(array))
    for key, array, slot in _slots(kept):
        arrays[key] = kept.slot(array, slot)
    for s in kept.plan.synapses:
        if s.format is Format.SPARSE and not s.negates:
            source, target = kept.indices(s.name)
            arrays[s.name, SOURCES] = source.astype(np.int64)
            arrays[s.name, TARGETS] = target.astype(np.int64)
    states = {}
    for name, rewiring in kept.rewirings.items():
        arrays[name, PAIRS] = rewiring.first["pairs"].copy()
        arrays[name, SIGNS] = rewiring.first["signs"].copy()
        states[name] = rewiring.rng.bit_generator.state
    return Snapshot(arrays, {"examples_run": [0, 0], "rewiring": states})


def check(kept: Kept, given: Snapshot) -> None:
    """Refuses a snapshot that does not fit.

    Raises:
        CheckpointError: by the name of what is missing or has another shape, or of
            synapses that lie elsewhere.
    """
    for key, array in snapshot(kept).arrays.items():
        if key not in given.arrays:
            raise CheckpointError(f"Checkpoint: array '{key_text(key)}' is missing.")
        found = given.arrays[key]
        if found.shape != array.shape:
            raise CheckpointError(
                f"Checkpoint: array '{key_text(key)}' of this network has shape "
                f"{array.shape}. Received shape {found.shape}."
            )
        if not np.isfinite(found).all():
            raise CheckpointError(
                f"Checkpoint: array '{key_text(key)}' holds numbers that are not "
                "finite."
            )
        moves = key[0] in kept.rewirings
        if key[1] in (SOURCES, TARGETS) and not moves and (found != array).any():
            raise CheckpointError(
                f"Checkpoint: array '{key_text(key)}' connects other neurons, and "
                "backend 'pygenn' moves synapses with Deep-R only. Use backend='cpu', "
                "or make the network with these synapses."
            )
    for name, rewiring in kept.rewirings.items():
        source, target = (given.arrays[name, end] for end in (SOURCES, TARGETS))
        check_listed(name, source, target, rewiring.shape)
        if name not in given.info.get("rewiring", {}):
            raise CheckpointError(
                f"Checkpoint: the random state of connection '{name}', which is "
                "rewired, is missing."
            )


def restore(kept: Kept, given: Snapshot) -> None:
    """Puts back what a snapshot has."""
    for name, rewiring in kept.rewirings.items():
        source, target = (given.arrays[name, end] for end in (SOURCES, TARGETS))
        rewired.move(rewiring, source, target)
        rewiring.first["pairs"] = given.arrays[name, PAIRS].copy()
        rewiring.first["signs"] = given.arrays[name, SIGNS].copy()
        rewiring.sign[:] = given.arrays[name, slot_name(WEIGHTS, SIGN)]
        rewiring.rng.bit_generator.state = given.info["rewiring"][name]
    for key, array in _numbers(kept):
        kept.set_number(array, given.arrays[key])
    for key, array, slot in _slots(kept):
        kept.set_slot(array, slot, given.arrays[key])
