"""Snapshots of a compiled network, saved by serialisers and restored."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cached_property
from typing import Any

from ml_genn.communicators.communicator import is_first
from ml_genn.compiled.built_model import BuiltModel
from ml_genn.compiled.checkpoint.compiled_values import compiled_values
from ml_genn.compiled.checkpoint.training_progress import TrainingProgress
from ml_genn.config.arrays import NOT_IN_NETWORK, SYNAPSE_PARAMETERS
from ml_genn.config.fixed_values import FIXED_VALUES, warn_of_other_values
from ml_genn.config.records import CheckpointRecord
from ml_genn.errors import CheckpointError
from ml_genn.graph.decisions import (
    DECISIONS,
    check_same_decisions,
    read_decisions,
)
from ml_genn.lowering import Lowered
from ml_genn.lowering.choices import warn_of_time_step
from ml_genn.lowering.neurons.ports import ports_of
from ml_genn.model.equations.system import port_name
from ml_genn.model.plan import LearnedKind
from ml_genn.model.snapshot import (
    SOURCES,
    TARGETS,
    Snapshot,
    is_slot,
    key_text,
    saved_name,
    user_name,
)
from ml_genn.serialisers import AnySerialiser, Serialiser, as_keys, get_serialiser
from ml_genn.utils.interrupts import deferred_interrupts
from ml_genn.utils.records import record_of

#: keys of the facts in a snapshot: the engine's, and the progress of training
ENGINE, PROGRESS = "engine", "progress"
#: stack level of a script that calls CompiledTrainingNetwork.resume
_CALLER_OF_RESUME = 4


class CheckpointManager:
    """Saves and restores everything that training changes.

    `ml_genn.compiled.network.CompiledNetwork` documents methods of the same name.

    Args:
        built: the model.
        progress: progress of training; None without training.
    """

    def __init__(self, built: BuiltModel, progress: TrainingProgress | None) -> None:
        self._built = built
        self._progress = progress
        self._communicator = built.config.communicator

    @property
    def writes_files(self) -> bool:
        """True in the process that writes files, the first of several."""
        return is_first(self._communicator)

    @cached_property
    def _fixed_values(self) -> dict[str, dict[str, str]]:
        """Values that training does not change."""
        return compiled_values(self._built.lowered, trains=self._progress is not None)

    def snapshot(self) -> Snapshot:
        """Returns arrays, random states and progress of training."""
        with self._built.access() as built:
            model, lowered = built.snapshot(), self._built.lowered
        arrays = {
            (owner, saved_name(name)): array
            for (owner, name), array in model.arrays.items()
        }
        progress = None if self._progress is None else self._progress.to_json()
        info = {
            ENGINE: dict(model.info),
            PROGRESS: progress,
            NOT_IN_NETWORK: _feedback_groups(lowered),
            SYNAPSE_PARAMETERS: _synapse_parameters(lowered),
            DECISIONS: lowered.decisions.to_json(),
            FIXED_VALUES: self._fixed_values,
        }
        return Snapshot(arrays, info)

    def restore(self, snapshot: Snapshot) -> None:
        """Restores a snapshot, as a whole or not at all."""
        record = record_of(CheckpointRecord, snapshot.info, "Checkpoint")
        self._check_decisions(snapshot)
        restore_progress: Callable[[], None] | None = None
        if self._progress is not None:
            restore_progress = self._progress.checked(record.progress)
        with deferred_interrupts(), self._built.lock.batch():
            self._restore_arrays(snapshot)
            if restore_progress is not None:
                restore_progress()
        warn_of_other_values(self._fixed_values, record.fixed_values)

    def _check_decisions(self, snapshot: Snapshot) -> None:
        """Raises CheckpointError if weights were trained with other choices."""
        loaded = read_decisions(snapshot.info.get(DECISIONS))
        check_same_decisions(self._built.lowered.decisions, loaded)
        warn_of_time_step(loaded.time_step, self._built.config.dt, "Checkpoint")

    def _restore_arrays(self, snapshot: Snapshot) -> None:
        """Restores arrays, and random states of the engine."""
        arrays = {(owner, user_name(n)): a for (owner, n), a in snapshot.arrays.items()}
        known = self._built.model.snapshot().arrays
        has_optimisers = bool(self._built.lowered.plan.updates)
        for key in arrays:
            # inference may load what training saved, without the optimisers' arrays
            is_used = has_optimisers or not is_slot(key[1])
            if key not in known and is_used:
                raise CheckpointError(
                    f"Checkpoint: array '{key_text(key)}' belongs to nothing in this "
                    "compiled network. Compile it as it was when it was saved, or put "
                    "what was learned into the network itself with Network.load."
                )
        self._built.model.restore(Snapshot(arrays, snapshot.info.get(ENGINE, {})))

    # ------------------------------------------------------------ files
    def save(self, keys: Any, serialiser: AnySerialiser) -> None:
        """Saves a snapshot, in the first process only."""
        with deferred_interrupts():
            if self.writes_files:
                get_serialiser(serialiser).save(as_keys(keys), self.snapshot())

    def save_connectivity(self, keys: Any, serialiser: AnySerialiser) -> None:
        """Saves the indices of sparse connections."""
        writer = get_serialiser(serialiser)
        for key, array in self.snapshot().arrays.items():
            if key[1] in (SOURCES, TARGETS):
                writer.serialise((*as_keys(keys), *key), array)

    def load(self, keys: Any, serialiser: AnySerialiser) -> None:
        """Restores a saved snapshot."""
        self._wait_for_writer()
        self.restore(get_serialiser(serialiser).load(as_keys(keys)))

    def load_newest(self, serialiser: AnySerialiser) -> None:
        """Restores the newest complete snapshot; warns of damaged ones.

        Raises:
            CheckpointError: if there is none.
        """
        reader = get_serialiser(serialiser)
        self._wait_for_writer()
        self.restore(_newest(reader))

    def _wait_for_writer(self) -> None:
        """Waits until the first process has written its files."""
        if self._communicator is not None:
            self._communicator.barrier()


def _newest(serialiser: Serialiser) -> Snapshot:
    for epoch in reversed(serialiser.epochs()):
        try:
            return serialiser.load((epoch,))
        except CheckpointError as error:
            warnings.warn(f"{error} Passed over.", stacklevel=_CALLER_OF_RESUME)
    raise CheckpointError(f"resume: there is no checkpoint in {serialiser!r}.")


def _feedback_groups(lowered: Lowered) -> list[str]:
    """Synapse groups with feedback weights that belong to no connection."""
    connections = {c.name for c in lowered.synapses}
    return [
        group.name
        for group in lowered.plan.synapses
        if not group.delivers and group.name not in connections
    ]


def _synapse_parameters(lowered: Lowered) -> list[Any]:
    """Learned parameters of synapses: [population, name, [[connection, name], ...]]."""
    learned = {
        (array.owner, array.name)
        for array in lowered.plan.learned
        if array.kind is LearnedKind.PARAMETER
    }
    uses: dict[tuple[str, str], list[list[str]]] = {}
    for population in lowered.neurons:
        for connection, port in ports_of(population, lowered.synapses).of.items():
            for name in lowered.synapses[connection].parameters():
                key = population.name, port_name(name, port)
                uses.setdefault(key, []).append([connection.name, name])
    return [[*key, connections] for key, connections in uses.items() if key in learned]
