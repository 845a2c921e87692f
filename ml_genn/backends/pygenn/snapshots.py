"""What a model keeps from batch to batch, taken out and put back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from ml_genn.errors import CheckpointError
from ml_genn.model.plan import Delay, Format, Learned, LearnedKind
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

if TYPE_CHECKING:
    from ml_genn.backends.pygenn.model import PyGennModel

_NAMES = {LearnedKind.WEIGHT: WEIGHTS, LearnedKind.DELAY: DELAYS}


def _numbers(model: PyGennModel) -> Iterator[tuple[Key, Learned]]:
    for s in model.plan.synapses:
        if s.negates:
            continue
        yield (s.name, WEIGHTS), Learned(LearnedKind.WEIGHT, s.name)
        if s.delay is Delay.PER_SYNAPSE:
            yield (s.name, DELAYS), Learned(LearnedKind.DELAY, s.name)
    for array in model.plan.learned:
        if array.kind is LearnedKind.PARAMETER:
            yield (array.owner, array.name), array


def _slots(model: PyGennModel) -> Iterator[tuple[Key, Learned, str]]:
    for update in model.plan.updates:
        for slot in update.slots:
            kept = _NAMES.get(update.target.kind, update.target.name)
            yield (update.target.owner, slot_name(kept, slot)), update.target, slot


def snapshot(model: PyGennModel) -> Snapshot:
    """Copies of all that is kept."""
    arrays: dict[Key, np.ndarray] = {}
    for key, array in _numbers(model):
        arrays[key] = np.array(model.number(array))
    for key, array, slot in _slots(model):
        arrays[key] = model.slot(array, slot)
    for s in model.plan.synapses:
        if s.format is Format.SPARSE and not s.negates:
            source, target = model.indices(s.name)
            arrays[s.name, SOURCES] = source.astype(np.int64)
            arrays[s.name, TARGETS] = target.astype(np.int64)
    return Snapshot(arrays, {"examples_run": [0, 0], "rewiring": {}})


def check(model: PyGennModel, given: Snapshot) -> None:
    """Refuses a snapshot that does not fit.

    Raises:
        CheckpointError: by the name of what is missing or has another shape, or of
            synapses that lie elsewhere.
    """
    for key, array in snapshot(model).arrays.items():
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
        if key[1] in (SOURCES, TARGETS) and not np.array_equal(found, array):
            raise CheckpointError(
                f"Checkpoint: array '{key_text(key)}' connects other neurons, and "
                "backend 'pygenn' does not move synapses. Use backend='cpu', or make "
                "the network with these synapses."
            )


def restore(model: PyGennModel, given: Snapshot) -> None:
    """Puts back what a snapshot has."""
    for key, array in _numbers(model):
        model.set_number(array, given.arrays[key])
    for key, array, slot in _slots(model):
        model.set_slot(array, slot, given.arrays[key])
