"""Snapshots of compiled networks: what the engine has, and how far training is."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from ml_genn.backends.api import Model
from ml_genn.config.arrays import APART, SYNAPSES
from ml_genn.errors import CheckpointError
from ml_genn.lowering import Lowered
from ml_genn.lowering.neurons.ports import ports_of
from ml_genn.model.equations.system import port_name
from ml_genn.model.plan import LearnedKind
from ml_genn.model.snapshot import (
    Snapshot,
    is_slot,
    key_text,
    saved_name,
    user_name,
)
from ml_genn.serialisers import Serialiser

ENGINE, PROGRESS = "engine", "progress"


def snapshot_of(model: Model, lowered: Lowered, progress: Any) -> Snapshot:
    """All that a compiled network is at the moment.

    Args:
        model: what runs.
        lowered: what it was made from.
        progress: how far training is, as JSON; None where nothing is trained.
    """
    found = model.snapshot()
    names = {c.name for c in lowered.synapses}
    info = {
        ENGINE: dict(found.info),
        PROGRESS: progress,
        APART: [
            s.name
            for s in lowered.plan.synapses
            if not s.delivers and s.name not in names
        ],
        SYNAPSES: _synapse_parameters(lowered),
    }
    arrays = {(owner, saved_name(n)): a for (owner, n), a in found.arrays.items()}
    return Snapshot(arrays, info)


def _synapse_parameters(lowered: Lowered) -> list[Any]:
    """Learned parameters of synapses: [population, name, [[connection, name], ...]]."""
    learned = {
        (a.owner, a.name)
        for a in lowered.plan.learned
        if a.kind is LearnedKind.PARAMETER
    }
    uses: dict[tuple[str, str], list[list[str]]] = {}
    for population in lowered.neurons:
        for connection, k in ports_of(population, lowered.synapses).of.items():
            for name in lowered.synapses[connection].parameters():
                key = population.name, port_name(name, k)
                uses.setdefault(key, []).append([connection.name, name])
    return [[*key, found] for key, found in uses.items() if key in learned]


def restore(model: Model, lowered: Lowered, given: Snapshot) -> None:
    """Puts arrays, and random states of the engine, back.

    Raises:
        CheckpointError: if something is missing, does not fit or belongs to nothing;
            nothing has changed then.
    """
    arrays = {(owner, user_name(n)): a for (owner, n), a in given.arrays.items()}
    known = model.snapshot().arrays
    trains = bool(lowered.plan.updates)
    for key in arrays:
        if key not in known and (trains or not is_slot(key[1])):
            raise CheckpointError(
                f"Checkpoint: array '{key_text(key)}' belongs to nothing in this "
                "compiled network. Compile it as it was when it was saved, or put what "
                "was learned into the network itself with Network.load."
            )
    model.restore(Snapshot(arrays, given.info.get(ENGINE, {})))


def newest(serialiser: Serialiser) -> Snapshot:
    """The newest snapshot that is whole; damaged ones are passed over with a warning.

    Raises:
        CheckpointError: if there is none.
    """
    for epoch in reversed(serialiser.epochs()):
        try:
            return serialiser.load((epoch,))
        except CheckpointError as error:
            warnings.warn(f"{error} Passed over.", stacklevel=3)
    raise CheckpointError(f"resume: there is no checkpoint in {serialiser!r}.")


# ---------------------------------------------------------------- how far training is
def numpy_random_state() -> dict[str, Any]:
    """The state of numpy's global generator, which shuffles."""
    state = np.random.get_state(legacy=False)
    inner = {k: _plain(v) for k, v in state["state"].items()}
    return {**state, "state": inner}


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else value


def set_numpy_random_state(state: Mapping[str, Any]) -> None:
    """Puts the state of numpy's global generator back."""
    inner = {**state["state"], "key": np.asarray(state["state"]["key"], np.uint32)}
    np.random.set_state({**state, "state": inner})


def optimiser_state(optimiser: Any) -> dict[str, Any]:
    """Class and numbers of an optimiser, which callbacks may have changed."""
    numbers = {
        name: value
        for name, value in vars(optimiser).items()
        if isinstance(value, int | float)
    }
    return {"class": type(optimiser).__name__, "numbers": numbers}


def check_optimiser(optimiser: Any, state: Mapping[str, Any]) -> None:
    """Refuses the state of an optimiser of another class."""
    if state["class"] != type(optimiser).__name__:
        raise CheckpointError(
            f"Checkpoint: it was saved with the optimiser {state['class']}, but this "
            f"network is compiled with {type(optimiser).__name__}."
        )


def set_optimiser(optimiser: Any, state: Mapping[str, Any]) -> None:
    """Puts the numbers of an optimiser back."""
    for name, number in state["numbers"].items():
        setattr(optimiser, name, number)
