"""Snapshots of a model's learned values, and loading of its memory around them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ml_genn.backends.host.csr import check_listed
from ml_genn.backends.pygenn.runtime.deep_r import place_synapses
from ml_genn.backends.pygenn.runtime.device import Device
from ml_genn.backends.pygenn.runtime.parameters import Parameters
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


def _arrays(parameters: Parameters) -> Iterator[tuple[Key, Learned]]:
    """Yields (key, array) of weights, delays and learned parameters."""
    for s in parameters.plan.synapses:
        if s.negates:
            continue
        yield (s.name, WEIGHTS), Learned(LearnedKind.WEIGHT, s.name)
        if s.delay is Delay.PER_SYNAPSE:
            yield (s.name, DELAYS), Learned(LearnedKind.DELAY, s.name)
    for array in parameters.plan.learned:
        if array.kind is LearnedKind.PARAMETER:
            yield (array.owner, array.name), array


def _slots(parameters: Parameters) -> Iterator[tuple[Key, Learned, str]]:
    """Yields (key, array, slot) of the values that optimisers store."""
    for update in parameters.plan.updates:
        for slot in update.slots:
            name = _NAMES.get(update.target.kind, update.target.name)
            yield (update.target.owner, slot_name(name, slot)), update.target, slot


def snapshot(parameters: Parameters) -> Snapshot:
    """Returns copies of all that training changes."""
    arrays: dict[Key, np.ndarray] = {}
    for key, array in _arrays(parameters):
        arrays[key] = np.array(parameters.current(array))
    for key, array, slot in _slots(parameters):
        arrays[key] = parameters.slot(array, slot)
    for s in parameters.plan.synapses:
        if s.format is Format.SPARSE and not s.negates:
            source, target = parameters.indices(s.name)
            arrays[s.name, SOURCES] = source.astype(np.int64)
            arrays[s.name, TARGETS] = target.astype(np.int64)
    random_states = {}
    for name, rewiring in parameters.rewirings.items():
        arrays[name, PAIRS] = rewiring.first["pairs"].copy()
        arrays[name, SIGNS] = rewiring.first["signs"].copy()
        random_states[name] = rewiring.rng.bit_generator.state
    return Snapshot(arrays, {"examples_run": [0, 0], "rewiring": random_states})


def check(parameters: Parameters, saved: Snapshot) -> None:
    """Checks that a snapshot fits the model.

    Raises:
        CheckpointError: if an array is missing, has another shape or is not finite, or
            if synapses connect other neurons.
    """
    for key, array in snapshot(parameters).arrays.items():
        if key not in saved.arrays:
            raise CheckpointError(f"Checkpoint: array '{key_text(key)}' is missing.")
        received = saved.arrays[key]
        if received.shape != array.shape:
            raise CheckpointError(
                f"Checkpoint: array '{key_text(key)}' of this network has shape "
                f"{array.shape}. Received shape {received.shape}."
            )
        if not np.isfinite(received).all():
            raise CheckpointError(
                f"Checkpoint: array '{key_text(key)}' holds numbers that are not "
                "finite."
            )
        fixed = key[1] in (SOURCES, TARGETS) and key[0] not in parameters.rewirings
        if fixed and (received != array).any():
            raise CheckpointError(
                f"Checkpoint: array '{key_text(key)}' connects other neurons, and "
                "backend 'pygenn' moves synapses with Deep-R only. Use backend='cpu', "
                "or make the network with these synapses."
            )
    for name, rewiring in parameters.rewirings.items():
        source, target = (saved.arrays[name, end] for end in (SOURCES, TARGETS))
        check_listed(name, source, target, rewiring.shape)
        if name not in saved.info.get("rewiring", {}):
            raise CheckpointError(
                f"Checkpoint: the random state of connection '{name}', which is "
                "rewired, is missing."
            )


def restore(parameters: Parameters, saved: Snapshot) -> None:
    """Replaces all values by those of a snapshot that fits; see `check`."""
    for name, rewiring in parameters.rewirings.items():
        source, target = (saved.arrays[name, end] for end in (SOURCES, TARGETS))
        place_synapses(rewiring, source, target)
        rewiring.first["pairs"] = saved.arrays[name, PAIRS].copy()
        rewiring.first["signs"] = saved.arrays[name, SIGNS].copy()
        rewiring.sign[:] = saved.arrays[name, slot_name(WEIGHTS, SIGN)]
        rewiring.rng.bit_generator.state = saved.info["rewiring"][name]
    for key, array in _arrays(parameters):
        parameters.set(array, saved.arrays[key])
    for key, array, slot in _slots(parameters):
        parameters.set_slot(array, slot, saved.arrays[key])


def ensure_loaded(
    device: Device, parameters: Parameters, num_steps: int | None = None
) -> None:
    """Loads the model if it is not; learned values survive a change of its size.

    Args:
        device, parameters: the model.
        num_steps: time steps of an example; None for any number.
    """
    loaded = device.num_steps
    if loaded is None:
        device.load(num_steps or 1)
        for name in parameters.rewirings:
            parameters.reset_signs(name)
    elif num_steps is not None and num_steps != loaded:
        learned = snapshot(parameters)
        device.load(num_steps)
        restore(parameters, learned)
