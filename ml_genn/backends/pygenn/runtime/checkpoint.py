"""Snapshots of a model's learned values, and loading of its memory around them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

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
from ml_genn.backends.pygenn.runtime.deep_r import place_synapses
from ml_genn.backends.pygenn.runtime.device import Device
from ml_genn.backends.pygenn.runtime.parameters import Parameters
from ml_genn.errors import CheckpointError
from ml_genn.model.plan import SIGN, Delay, Learned, LearnedKind, SynapseGroup
from ml_genn.model.snapshot import (
    SOURCES,
    TARGETS,
    WEIGHTS,
    Key,
    Snapshot,
    key_text,
    slot_name,
)


def _synapses(parameters: Parameters) -> list[SynapseGroup]:
    """Returns the synapse groups that have weights of their own."""
    return [s for s in parameters.plan.synapses if not s.negates]


def _arrays(parameters: Parameters) -> Iterator[Learned]:
    """Yields weights, delays and learned parameters."""
    for s in _synapses(parameters):
        yield Learned(LearnedKind.WEIGHT, s.name)
        if s.delay is Delay.PER_SYNAPSE:
            yield Learned(LearnedKind.DELAY, s.name)
    for array in parameters.plan.learned:
        if array.kind is LearnedKind.PARAMETER:
            yield array


def snapshot(parameters: Parameters) -> Snapshot:
    """Returns copies of all that training changes."""
    arrays: dict[Key, np.ndarray] = {}
    for array in _arrays(parameters):
        arrays[array_key(array)] = np.array(parameters.current(array))
    for key, array, slot in optimiser_keys(parameters.plan):
        arrays[key] = parameters.slot(array, slot)
    for s in _synapses(parameters):
        if s.format.has_pairs:
            source, target = parameters.indices(s.name)
            arrays[s.name, SOURCES] = source.astype(np.int64)
            arrays[s.name, TARGETS] = target.astype(np.int64)
    arrays |= rewiring_arrays(parameters.rewirings)
    info = {"examples_run": [0, 0], "rewiring": random_states(parameters.rewirings)}
    return Snapshot(arrays, info)


def check(parameters: Parameters, saved: Snapshot) -> None:
    """Checks that a snapshot fits the model.

    Raises:
        CheckpointError: if an array is missing, has another shape or is not finite, if
            a delay is too long, or if synapses connect other neurons.
    """
    expected = snapshot(parameters).arrays
    check_arrays(expected, saved)
    for s in _synapses(parameters):
        if s.delay is Delay.PER_SYNAPSE:
            check_delays(s.name, saved, parameters.values.max_delays[s.name])
        if s.name in parameters.rewirings:
            check_indices(s.name, saved, parameters.rewirings[s.name].shape)
        elif s.format.has_pairs:
            _check_same_neurons(s.name, expected, saved)
    check_random_states(parameters.rewirings, saved)


def _check_same_neurons(
    name: str, expected: Mapping[Key, np.ndarray], saved: Snapshot
) -> None:
    for key in ((name, SOURCES), (name, TARGETS)):
        if (saved.arrays[key] != expected[key]).any():
            raise CheckpointError(
                f"Checkpoint: array '{key_text(key)}' connects other neurons, and "
                "backend 'pygenn' moves synapses with Deep-R only. Use backend='cpu', "
                "or make the network with these synapses."
            )


def restore(parameters: Parameters, saved: Snapshot) -> None:
    """Replaces all values by those of a snapshot that fits; see `check`."""
    for name, rewiring in parameters.rewirings.items():
        source, target = (saved.arrays[name, end] for end in (SOURCES, TARGETS))
        place_synapses(rewiring, source, target)
        restore_rewiring(name, rewiring, saved)
        rewiring.sign[:] = saved.arrays[name, slot_name(WEIGHTS, SIGN)]
    for array in _arrays(parameters):
        parameters.assign(array, saved.arrays[array_key(array)])
    for key, array, slot in optimiser_keys(parameters.plan):
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
