"""What a model keeps on the host: weights and other numbers, and their checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ml_genn.backends.host import checkpoint as snapshots
from ml_genn.backends.host.arrays import aligned, host_arrays, refresh
from ml_genn.backends.host.checkpoint import Stored
from ml_genn.backends.host.deep_r import (
    Rewiring,
    create_rewiring,
    rewired_updates,
)
from ml_genn.backends.host.snapshot_parts import optimiser_keys
from ml_genn.codegen.layout import Layout
from ml_genn.model.batch import BatchSlice, EventStream, Examples, Record, SpikeTimes
from ml_genn.model.loss_formula import Targets
from ml_genn.model.plan import (
    SIGN,
    Delay,
    Format,
    Learned,
    LearnedKind,
    Plan,
    Values,
)
from ml_genn.model.snapshot import Snapshot

#: How state of a type is kept.
TYPES: dict[str, Any] = {
    "float": np.float32,
    "int32_t": np.int32,
    "uint32_t": np.uint32,
    "bool": np.int32,
}
TRAINING = 1 << 62  #: number of the first example that is trained on


class HostModel:
    """The numbers of a plan; an engine that keeps them elsewhere overrides two methods.

    Args:
        layout: where numbers live.
        values: the numbers.
        seed: seed of the random numbers drawn while running.
    """

    def __init__(self, layout: Layout, values: Values, seed: int) -> None:
        self.plan: Plan = layout.plan
        self._layout = layout
        own = {group: dict(given) for group, given in values.parameters.items()}
        self._values = replace(values, parameters=own, indices=dict(values.indices))
        self._seed = seed
        self._host_arrays = host_arrays(layout, values)
        self._id_type = layout.id_type
        self._slots = [
            aligned(self._learned(update.target).shape)
            for update in layout.plan.updates
            for _ in update.slots
        ]
        self._rewirings = self._rewired()
        count = sum(len(update.scalars) for update in layout.plan.updates)
        self._optimiser_scalars = np.zeros(count + 1, dtype=np.float32)
        self._examples_run = {False: 0, True: 0}

    def _fetch(self) -> None:
        """Brings numbers that the engine changed to the host."""

    def _send(self) -> None:
        """Gives the engine numbers that changed on the host."""

    # ------------------------------------------------------------ numbers
    def _array(self, kind: str, owner: str) -> np.ndarray:
        return self._host_arrays.arrays[self._layout.arrays[kind, owner, ""]]

    def _learned(self, array: Learned) -> np.ndarray:
        return self._host_arrays.arrays[self._layout.array_of(array)]

    def parameter(self, group: str, name: str) -> np.ndarray:
        """The values of a learned parameter: (neurons,), or () if they share one."""
        self._fetch()
        array = Learned(LearnedKind.PARAMETER, group, name)
        return self._trimmed(array, self._learned(array))

    def weights(self, name: str) -> np.ndarray:
        """A copy of the weights of a synapse group: (source size, target size), a list
        where they are sparse, or of the shape of its kernel."""
        self._fetch()
        return self._trimmed_synapses(name, self._array("weight", name))

    def set_weights(self, name: str, weights: np.ndarray) -> None:
        """Replaces the weights of a synapse group."""
        self._fetch()
        self._fill_synapses(
            name, self._array("weight", name), np.asarray(weights, dtype=np.float32)
        )
        if name in self._rewirings:
            self._rewirings[name].begin()
        self._send()

    def delays(self, name: str) -> np.ndarray:
        """The delays of a synapse group in time steps, shaped as its weights; a number
        if all have the same."""
        self._fetch()
        synapses = self.plan.synapse(name)
        if synapses.delay is not Delay.PER_SYNAPSE:
            return np.asarray(self._values.delays.get(name, 0))
        kind = "delay" if synapses.learn_delay else "delay_steps"
        return self._trimmed_synapses(name, self._array(kind, name))

    def indices(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Source and target neuron of each synapse of a sparse group."""
        if name in self._rewirings:
            return self._rewirings[name].indices()
        source, target = self._values.indices[name]
        return source.copy(), target.copy()

    def encode(self, spikes: SpikeTimes) -> EventStream | None:
        """None: an engine that has no code for it leaves it to numpy."""
        return None

    def set_optimiser_scalars(self, scalars: Sequence[float]) -> None:
        """Numbers that the optimisers are given, update by update."""
        self._optimiser_scalars[: len(scalars)] = scalars

    def snapshot(self) -> Snapshot:
        """What training changes and goes on from, copied."""
        self._fetch()
        return snapshots.snapshot(self.stored())

    def restore(self, snapshot: Snapshot) -> None:
        """Goes back to a snapshot.

        Raises:
            CheckpointError: if it does not fit; nothing has changed then.
        """
        self._fetch()
        snapshots.restore(self.stored(), snapshot)
        self._refresh()
        self._send()

    def stored(self) -> Stored:
        """What snapshots are made of."""
        return Stored(
            layout=self._layout,
            values=self._values,
            arrays=self._host_arrays.arrays,
            slots=self._slots,
            rewirings=self._rewirings,
            examples_run=self._examples_run,
            trimmed=self._trimmed,
            place=self._fill,
        )

    def _trimmed(self, array: Learned, values: np.ndarray) -> np.ndarray:
        """A copy of a learned array without padding."""
        return self._unpadded(array, values).copy()

    def _trimmed_synapses(self, name: str, values: np.ndarray) -> np.ndarray:
        """A copy of what each synapse has: (source size, target size), a list, or of
        the shape of its kernel."""
        return self._unpadded_synapses(name, values).copy()

    def _unpadded(self, array: Learned, values: np.ndarray) -> np.ndarray:
        """A learned array, or its gradient, without padding; a view where it can be."""
        if array.kind is not LearnedKind.PARAMETER:
            return self._unpadded_synapses(array.owner, values)
        group = self.plan.neuron(array.owner)
        shared = group.learned_parameter(array.name).shared
        return values[0, ...] if shared else values[: group.size]

    def _unpadded_synapses(self, name: str, values: np.ndarray) -> np.ndarray:
        """As `_trimmed_synapses`, a view where it can be."""
        synapses = self.plan.synapse(name)
        if synapses.kernel is not None:
            found = np.empty(synapses.kernel.size, dtype=values.dtype)
            found[synapses.kernel.order()] = values[: found.size]
            return found.reshape(synapses.kernel.shape)
        if synapses.format is Format.SPARSE:
            return values[: self._values.indices[name][0].size]
        return values[:, : self.plan.neuron(synapses.target).size]

    def _fill(self, array: Learned, storage: np.ndarray, values: np.ndarray) -> None:
        """Puts values where they are stored: what undoes `_trimmed`."""
        if array.kind is not LearnedKind.PARAMETER:
            self._fill_synapses(array.owner, storage, values)
        else:
            storage[: max(values.size, 1)] = values

    def _fill_synapses(
        self, name: str, storage: np.ndarray, values: np.ndarray
    ) -> None:
        """Puts what each synapse has where it is stored: undoes `_trimmed_synapses`."""
        kernel = self.plan.synapse(name).kernel
        if kernel is not None:
            values = values.reshape(-1)[kernel.order()]
        storage[tuple(slice(size) for size in values.shape)] = values

    def _refresh(self) -> None:
        """Takes learned parameters over into the constants that depend on them."""
        arrays = [a for a in self._layout.learned if a.kind is LearnedKind.PARAMETER]
        for array in arrays:
            value = self.parameter(array.owner, array.name)
            self._values.parameters[array.owner][array.name] = value
        if arrays:
            refresh(self._layout, self._values, self._host_arrays)

    def _rewired(self) -> dict[str, Rewiring]:
        """Synapses that change places, with the numbers that go with them."""
        found: dict[str, Rewiring] = {}
        slots = {u.target: dict[str, np.ndarray]() for u in self.plan.updates}
        keys = optimiser_keys(self.plan)
        for (_, array, slot), values in zip(keys, self._slots, strict=True):
            slots[array][slot] = values
        for update, group in rewired_updates(self.plan):
            own = slots[update.target]
            found[group.name] = create_rewiring(
                self.plan,
                group,
                (self._seed, len(found)),
                offset=self._array("offset", group.name),
                target=self._array("target", group.name),
                weight=self._array("weight", group.name),
                sign=own.pop(SIGN),
                numbers=tuple(own.values()),
            )
        return found

    # ------------------------------------------------------------ examples
    def _first_example(self, trains: bool, batch_slice: BatchSlice) -> int:
        """The number of a batch's first example, which random numbers depend on.

        Examples that are trained on are counted for themselves, so that evaluating in
        between does not change training.
        """
        first = self._examples_run[trains]
        self._examples_run[trains] += batch_slice.total
        return first + batch_slice.first + TRAINING * trains

    def _weights(self, examples: Examples, indices: np.ndarray) -> np.ndarray:
        if examples.weights is None:
            return np.ones((len(indices), len(self._layout.outputs)), dtype=np.float32)
        return np.ascontiguousarray(examples.weights[indices], dtype=np.float32)

    def _targets(
        self, examples: Examples, indices: np.ndarray
    ) -> list[np.ndarray | None]:
        result: list[np.ndarray | None] = []
        for group in self._layout.outputs:
            values = examples.targets.get(group.name)
            if values is None or group.loss is None:
                result.append(None)
                continue
            labels = group.loss.formula.targets is Targets.LABELS
            dtype = np.int32 if labels else np.float32
            result.append(np.ascontiguousarray(values[indices], dtype=dtype))
        return result

    def _record_array(self, record: Record, size: int, steps: int) -> np.ndarray:
        row = self._layout.rows[record.group, record.variable]
        return np.zeros((size, steps, row.size), dtype=np.float32)

    def _is_forward(self, record: Record) -> bool:
        group = self.plan.neuron(record.group)
        return not group.adjoint or record.variable not in group.adjoint.variables

    def _type(self, group: str, variable: str) -> str:
        kinds = {v.name: v.type for v in self.plan.neuron(group).variables}
        return kinds.get(variable, "float")

    def _typed(self, group: str, variable: str, values: np.ndarray) -> np.ndarray:
        """State as numbers of its own type; the engine keeps all in four bytes."""
        kind = self._type(group, variable)
        found: np.ndarray = values.view(TYPES[kind])
        return found != 0 if kind == "bool" else found
