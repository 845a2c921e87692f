"""Base of models whose parameters are kept in host memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ml_genn.backends.host.abi.call import Status
from ml_genn.backends.host.arrays.host_arrays import host_arrays, update_constants
from ml_genn.backends.host.arrays.padding import aligned
from ml_genn.backends.host.arrays.shapes import ArrayShapes
from ml_genn.backends.host.batch_data import ExampleCounter
from ml_genn.backends.host.checkpoint import Checkpointer
from ml_genn.backends.host.deep_r import Rewiring, create_rewiring, rewired_updates
from ml_genn.backends.host.snapshot_parts import optimiser_keys
from ml_genn.codegen.layout import Layout
from ml_genn.errors import MlGennError
from ml_genn.model.batch import EventStream, SpikeTimes
from ml_genn.model.code_strings import LOOP_CONTINUES
from ml_genn.model.engine_memory import HoldsEngine
from ml_genn.model.plan import SIGN, Delay, Learned, LearnedKind, Plan, PlanValues
from ml_genn.model.snapshot import Snapshot

#: iterations of loops that the code of a neuron may run in a time step; loop_budget.h
MAX_LOOP_ITERATIONS = 1_000_000


class HostModel(HoldsEngine):
    """Parameters of a plan in host memory, and access to them.

    An engine with memory of its own overrides `_download` and `_upload`.

    Args:
        layout: indices of the parameters.
        values: the initial values.
        seed: seed of random numbers.
    """

    def __init__(self, layout: Layout, values: PlanValues, seed: int) -> None:
        self.plan: Plan = layout.plan
        self._layout = layout
        parameters = {name: dict(group) for name, group in values.parameters.items()}
        self._values = replace(
            values, parameters=parameters, indices=dict(values.indices)
        )
        self._seed = seed
        self._host_arrays = host_arrays(layout, values)
        self._shapes = ArrayShapes(layout.plan, self._values)
        self._optimiser_state = [
            aligned(self._learned_array(update.target).shape)
            for update in layout.plan.updates
            for _ in update.slots
        ]
        count = sum(len(update.scalars) for update in layout.plan.updates)
        self._optimiser_scalars = np.zeros(count + 1, dtype=np.float32)
        self._examples_run = ExampleCounter()
        self._rewirings = self._create_rewirings()
        self._checkpointer = Checkpointer(
            layout=layout,
            shapes=self._shapes,
            arrays=self._host_arrays.arrays,
            optimiser_state=self._optimiser_state,
            rewirings=self._rewirings,
            examples_run=self._examples_run.counts,
        )

    def _create_rewirings(self) -> dict[str, Rewiring]:
        """Returns {synapse group that Deep-R rewires: its synapses}."""
        rewirings: dict[str, Rewiring] = {}
        states = {
            update.target: dict[str, np.ndarray]() for update in self.plan.updates
        }
        keys = optimiser_keys(self.plan)
        for (_, array, slot), values in zip(keys, self._optimiser_state, strict=True):
            states[array][slot] = values
        for update, group in rewired_updates(self.plan):
            state = states[update.target]
            rewirings[group.name] = create_rewiring(
                self.plan,
                group,
                (self._seed, len(rewirings)),
                offset=self._synapse_array("offset", group.name),
                target=self._synapse_array("target", group.name),
                weight=self._synapse_array("weight", group.name),
                sign=state.pop(SIGN),
                optimiser_state=tuple(state.values()),
            )
        return rewirings

    # ------------------------------------------------------------ memory
    def _download(self) -> None:
        """Copies parameters that the engine changed to the host."""

    def _upload(self) -> None:
        """Copies parameters that changed on the host to the engine."""

    def _synapse_array(self, kind: str, name: str) -> np.ndarray:
        return self._host_arrays.arrays[self._layout.arrays[kind, name, ""]]

    def _learned_array(self, array: Learned) -> np.ndarray:
        return self._host_arrays.arrays[self._layout.array_of(array)]

    # ------------------------------------------------------------ parameters
    def parameter(self, group: str, name: str) -> np.ndarray:
        """Returns a learned parameter: (neurons,), or () if all have the same value.

        Args:
            group: name of the neuron group.
            name: name of the parameter.
        """
        self._download()
        array = Learned(LearnedKind.PARAMETER, group, name)
        return self._shapes.unpadded(array, self._learned_array(array)).copy()

    def weights(self, name: str) -> np.ndarray:
        """Returns a copy of a synapse group's weights; shapes as in `ArrayShapes`."""
        self._download()
        stored = self._synapse_array("weight", name)
        return self._shapes.unpadded_synapses(name, stored).copy()

    def set_weights(self, name: str, weights: np.ndarray) -> None:
        """Replaces the weights of a synapse group."""
        self._download()
        stored = self._synapse_array("weight", name)
        values = np.asarray(weights, dtype=np.float32)
        self._shapes.fill_synapses(name, stored, values)
        if name in self._rewirings:
            self._rewirings[name].begin()
        self._upload()

    def delays(self, name: str) -> np.ndarray:
        """Returns the delays of a synapse group [steps], shaped as its weights.

        A number if all synapses have the same delay.
        """
        self._download()
        synapses = self.plan.synapse(name)
        if synapses.delay is not Delay.PER_SYNAPSE:
            return np.asarray(self._values.delays.get(name, 0))
        kind = "delay" if synapses.learn_delay else "delay_steps"
        stored = self._synapse_array(kind, name)
        return self._shapes.unpadded_synapses(name, stored).copy()

    def indices(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Returns source and target neuron of each synapse of a sparse group."""
        if name in self._rewirings:
            return self._rewirings[name].indices()
        source, target = self._values.indices[name]
        return source.copy(), target.copy()

    def set_optimiser_scalars(self, scalars: Sequence[float]) -> None:
        """Sets the scalars of the optimisers for the next batch, update by update."""
        self._optimiser_scalars[: len(scalars)] = scalars

    # ------------------------------------------------------------ snapshots
    def snapshot(self) -> Snapshot:
        """Returns copies of all that training changes."""
        self._download()
        return self._checkpointer.snapshot()

    def restore(self, snapshot: Snapshot) -> None:
        """Replaces the parameters by those of a snapshot.

        Raises:
            CheckpointError: if the snapshot does not fit; nothing has changed then.
        """
        self._download()
        self._checkpointer.restore(snapshot)
        self._update_constants()
        self._upload()

    # ------------------------------------------------------------ batches
    def encode(self, spikes: SpikeTimes) -> EventStream | None:
        """Returns None: the caller encodes spikes itself."""
        return None

    def _after_update(self) -> dict[str, tuple[int, int]]:
        """Applies what follows an optimiser step on the host.

        Evaluates the constants that depend on learned parameters, and rewires synapses.

        Returns:
            {group that Deep-R rewires: (synapses replaced, rejected draws)}.
        """
        if not self._rewirings and not self._learned_parameters():
            return {}
        self._download()
        self._update_constants()
        replaced = {name: r.rewire() for name, r in self._rewirings.items()}
        self._upload()
        return replaced

    def _learned_parameters(self) -> list[Learned]:
        learned = self._layout.learned
        return [array for array in learned if array.kind is LearnedKind.PARAMETER]

    def _update_constants(self) -> None:
        """Evaluates the constants that depend on learned parameters."""
        parameters = self._learned_parameters()
        for array in parameters:
            value = self.parameter(array.owner, array.name)
            self._values.parameters[array.owner][array.name] = value
        if parameters:
            update_constants(self._layout, self._values, self._host_arrays)

    def _check_loops(self, status: int) -> None:
        """Raises an error if a loop in the code of a neuron ran too often."""
        if not status & Status.ENDLESS_LOOP:
            return
        names = [
            f"'{group.name}'"
            for group in self.plan.neurons
            if LOOP_CONTINUES in group.step.calls | group.reset.calls
        ]
        raise MlGennError(
            f"Population {' or '.join(names)}: the loops in the code of a neuron ran "
            f"more than {MAX_LOOP_ITERATIONS:,} times in one time step, so they were "
            "ended. Does their condition become false, also for the state and input of "
            "this batch? The weights were not updated."
        )
