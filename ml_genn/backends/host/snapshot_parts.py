"""Parts of snapshots that all engines share: keys, state of Deep-R, checks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from ml_genn.backends.host.arrays.csr import check_csr
from ml_genn.backends.host.deep_r import Rewiring
from ml_genn.errors import CheckpointError
from ml_genn.model.plan import SIGN, Learned, LearnedKind, Plan
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

#: Names of the initial pairs of Deep-R and of their signs.
PAIRS, SIGNS = slot_name(WEIGHTS, "pairs"), slot_name(WEIGHTS, SIGN + "s")
_NAMES = {LearnedKind.WEIGHT: WEIGHTS, LearnedKind.DELAY: DELAYS}
_LARGEST = float(np.finfo(np.float32).max)


# ---------------------------------------------------------------- keys
def array_key(array: Learned) -> Key:
    """Returns the key of a learned array."""
    return array.owner, _NAMES.get(array.kind, array.name)


def optimiser_keys(plan: Plan) -> Iterator[tuple[Key, Learned, str]]:
    """Yields (key, array, slot) of all that optimisers store, update by update."""
    for update in plan.updates:
        owner, name = array_key(update.target)
        for slot in update.slots:
            yield (owner, slot_name(name, slot)), update.target, slot


# ---------------------------------------------------------------- Deep-R
def rewiring_arrays(rewirings: Mapping[str, Rewiring]) -> dict[Key, np.ndarray]:
    """Returns copies of the initial pairs and signs of rewired synapse groups."""
    arrays: dict[Key, np.ndarray] = {}
    for name, rewiring in rewirings.items():
        arrays[name, PAIRS] = rewiring.initial["pairs"].copy()
        arrays[name, SIGNS] = rewiring.initial["signs"].copy()
    return arrays


def random_states(rewirings: Mapping[str, Rewiring]) -> dict[str, Any]:
    """Returns {rewired synapse group: state of its random number generator}."""
    return {name: r.rng.bit_generator.state for name, r in rewirings.items()}


def restore_rewiring(name: str, rewiring: Rewiring, saved: Snapshot) -> None:
    """Replaces initial pairs, signs and random state of a rewired synapse group."""
    rewiring.initial["pairs"] = saved.arrays[name, PAIRS].copy()
    rewiring.initial["signs"] = saved.arrays[name, SIGNS].copy()
    rewiring.rng.bit_generator.state = saved.info["rewiring"][name]


# ---------------------------------------------------------------- checks
def check_arrays(expected: Mapping[Key, np.ndarray], saved: Snapshot) -> None:
    """Checks that a snapshot has arrays of the expected shapes.

    Raises:
        CheckpointError: if an array is missing, has another shape or no numbers, or
            holds one that is not finite in single precision.
    """
    for key, array in expected.items():
        if key not in saved.arrays:
            raise CheckpointError(f"Checkpoint: array '{key_text(key)}' is missing.")
        received = saved.arrays[key]
        if received.shape != array.shape or received.dtype.kind not in "iuf":
            raise CheckpointError(
                f"Checkpoint: array '{key_text(key)}' of this network has shape "
                f"{array.shape}. Received {received.dtype} of shape {received.shape}."
            )
        if np.any(~(np.abs(received) <= _LARGEST)):
            raise CheckpointError(
                f"Checkpoint: array '{key_text(key)}' holds numbers that are not "
                "finite."
            )


def check_delays(name: str, saved: Snapshot, longest: int) -> None:
    """Checks the delays of a synapse group.

    Raises:
        CheckpointError: if one is negative or longer than ``longest`` steps.
    """
    delays = saved.arrays[name, DELAYS]
    if delays.min() < 0 or delays.max() > longest:
        raise CheckpointError(
            f"Checkpoint: delays of connection '{name}' are from 0 to {longest} steps. "
            f"Received {delays.min():g} to {delays.max():g}."
        )


def check_indices(name: str, saved: Snapshot, shape: tuple[int, int]) -> None:
    """Checks the neurons that the synapses of a sparse group connect.

    Raises:
        CheckpointError: if they are not sorted or out of range.
    """
    source, target = (saved.arrays[name, end] for end in (SOURCES, TARGETS))
    check_csr(name, source, target, shape)


def check_random_states(rewirings: Iterable[str], saved: Snapshot) -> None:
    """Checks the random state of each rewired synapse group.

    Raises:
        CheckpointError: if one is missing or no state of such a generator.
    """
    states = saved.info.get("rewiring", {})
    for name in rewirings:
        state = states.get(name) if isinstance(states, Mapping) else None
        if not _is_random_state(state):
            raise CheckpointError(
                f"Checkpoint: connection '{name}' is rewired, and its random state is "
                f"missing or damaged. Received {state!r:.200}."
            )


def _is_random_state(state: Any) -> bool:
    """True for a state of the generators of Deep-R, which a new one accepts."""
    generator = np.random.default_rng(0).bit_generator
    try:
        generator.state = state
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        return False
    return bool(generator.state == state)
