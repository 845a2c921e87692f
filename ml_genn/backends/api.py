"""Interface of backends. The layers above use no other way to run models."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from ml_genn.model.batch import EventStream, Examples, RunOptions, RunResult, SpikeTimes
from ml_genn.model.plan import Plan, PlanValues
from ml_genn.model.snapshot import Snapshot


class Processes(Protocol):
    """Processes that train together; every `Communicator` has this interface."""

    @property
    def rank(self) -> int:
        """Index of this process."""

    @property
    def num_ranks(self) -> int:
        """Number of processes."""

    def broadcast(self, data: Any, root: int) -> None:
        """Copies the buffer ``data`` of process ``root`` to those of the others."""

    def all_sum(self, values: np.ndarray) -> None:
        """Sums an array over all processes, in place (all-reduce)."""

    def begin_sum(self, values: np.ndarray) -> Callable[[], Any]:
        """Begins an all-reduce in place; returns a function that waits for its end."""

    def advance_sums(self) -> None:
        """Advances the all-reduces of `begin_sum`; returns without waiting for them."""


class Model(Protocol):
    """Executable form of a plan, with its weights, state and memory.

    Attributes:
        plan: the plan that the model runs.
    """

    plan: Plan

    def encode(self, spikes: SpikeTimes) -> EventStream | None:
        """Returns spikes as events, sorted by time; None if the caller has to do it.

        None means that the model has no fast code for it, or that spikes are out of
        order or out of range. The caller then checks the spikes and encodes them.
        """

    def prepare(self, examples: Examples) -> Any:
        """Returns examples in the form that `run` reads.

        It is called once for data in memory, and once for each batch of a data stream.

        Args:
            examples: spikes, numbers and targets of all examples.
        """

    def run(self, prepared: Any, indices: np.ndarray, options: RunOptions) -> RunResult:
        """Runs examples as one batch.

        Args:
            prepared: result of `prepare`.
            indices: indices of the examples.
            options: whether gradients are computed and applied, and what is recorded.

        Returns:
            The results. If their ``divergence`` is not None, no learned array and no
            optimiser state has changed.
        """

    def weights(self, name: str) -> np.ndarray:
        """Returns a copy of the weights of a synapse group.

        Its shape is (source size, target size) for dense synapses, (synapses,) for CSR,
        and that of the kernel for shared weights.

        Args:
            name: name of the synapse group.
        """

    def delays(self, name: str) -> np.ndarray:
        """Returns delays [time steps], in the shape of the weights or a single number.

        Args:
            name: name of the synapse group.
        """

    def indices(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Returns source and target neuron of each synapse of a CSR group.

        Args:
            name: name of the synapse group.
        """

    def set_weights(self, name: str, weights: np.ndarray) -> None:
        """Replaces the weights of a synapse group.

        Args:
            name: name of the synapse group.
            weights: array in the shape of `weights`.
        """

    def parameter(self, group: str, name: str) -> np.ndarray:
        """Returns the values of a learned parameter: (neurons,), or () if it is shared.

        Args:
            group: name of the neuron group.
            name: name of the parameter.
        """

    def begin_manual_batch(
        self, prepared: Any, indices: np.ndarray, options: RunOptions
    ) -> None:
        """Begins a batch that the caller advances with `step`.

        It runs no time step itself.

        Args:
            prepared, indices, options: as for `run`.
        """

    def step(self) -> None:
        """Advances the batch by one time step."""

    def end_manual_batch(self) -> RunResult:
        """Ends the batch of `begin_manual_batch` and returns its results.

        Runs the backward pass and the update if the options request them.
        """

    def state(self, group: str, variable: str) -> np.ndarray:
        """Returns a state variable: (examples, neurons).

        Between `begin_manual_batch` and `end_manual_batch` the values are those of the
        present step; after `run` with ``RunOptions.expose_state``, of the last step.

        Args:
            group: name of the neuron group.
            variable: name of the variable.
        """

    def set_state(self, group: str, variable: str, values: np.ndarray) -> None:
        """Replaces a state variable of the batch of `begin_manual_batch`.

        Args:
            group: name of the neuron group.
            variable: name of the variable.
            values: numbers (examples, neurons).
        """

    def set_optimiser_scalars(self, scalars: Sequence[float]) -> None:
        """Sets scalars of the optimisers, such as learning rates, for the next batch.

        Args:
            scalars: scalars of each update of the plan, one after the other.
        """

    def set_processes(self, processes: Processes | None) -> None:
        """Sets the processes over which later batches sum gradients.

        Args:
            processes: all processes that train together; None for a single process.
        """

    def snapshot(self) -> Snapshot:
        """Returns a copy of everything that training changes."""

    def restore(self, snapshot: Snapshot) -> None:
        """Replaces everything that training changes by the values of a snapshot.

        Arrays of the snapshot that the model does not have are ignored.

        Raises:
            CheckpointError: if the snapshot does not fit; nothing has changed then.
        """

    def close(self) -> None:
        """Frees the memory of the model and the devices that it uses."""


class Backend(Protocol):
    """Builder of models."""

    @property
    def name(self) -> str:
        """Name in the argument ``backend`` of compilers."""

    @property
    def genn(self) -> bool:
        """True if GeNN runs its models, so that arguments for GeNN are passed on."""

    def build(
        self,
        plan: Plan,
        values: PlanValues,
        *,
        num_threads: int | None,
        seed: int,
        batch_size: int = 1,
        arguments: Mapping[str, Any] | None = None,
    ) -> Model:
        """Returns a model that runs a plan.

        Args:
            plan: the plan.
            values: weights, parameters, delays and the time step.
            num_threads: threads; None for all cores that the process may use.
            seed: seed of the random numbers that are drawn while the model runs.
            batch_size: largest number of examples of a batch; 1 by default.
            arguments: arguments for GeNN, if `genn` is True; None (default) for no
                arguments.
        """
