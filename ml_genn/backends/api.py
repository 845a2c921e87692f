"""Interface of backends; the layers above run models through it alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from ml_genn.model.batch import EventStream, Examples, RunOptions, RunResult, SpikeTimes
from ml_genn.model.plan import Plan, PlanValues
from ml_genn.model.snapshot import Snapshot


class Processes(Protocol):
    """Processes that train together, as a `Communicator` connects them."""

    @property
    def rank(self) -> int:
        """Index of this process."""

    @property
    def num_ranks(self) -> int:
        """Number of processes."""

    def broadcast(self, data: Any, root: int) -> None:
        """Sends the buffer ``data`` of process ``root`` to all."""

    def all_sum(self, values: np.ndarray) -> None:
        """Sums an array over all processes, in place (all-reduce)."""

    def begin_sum(self, values: np.ndarray) -> Callable[[], Any]:
        """Begins an all-reduce, and returns a function that waits for its end."""

    def advance_sums(self) -> None:
        """Lets all-reduces that were begun proceed."""


class Model(Protocol):
    """A plan that is built, with its values.

    Attributes:
        plan: the plan.
    """

    plan: Plan

    def encode(self, spikes: SpikeTimes) -> EventStream | None:
        """Returns spikes as events in order, if the model has fast code for that.

        Returns None if it has none, or if spikes are out of order or out of range; the
        caller then encodes and checks them.
        """

    def prepare(self, examples: Examples) -> Any:
        """Returns examples in the form that `run` reads; called once for a data set.

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
            The results. With ``divergence``, nothing that is learned has changed.
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

    def begin_step(
        self, prepared: Any, indices: np.ndarray, options: RunOptions
    ) -> None:
        """Begins a batch that is advanced one time step at a time.

        Args:
            prepared, indices, options: as for `run`.
        """

    def step(self) -> None:
        """Advances the batch by one time step."""

    def end_step(self) -> RunResult:
        """Ends the batch, with backward pass and update if its options request them."""

    def state(self, group: str, variable: str) -> np.ndarray:
        """Returns a state variable of the batch that is being stepped.

        After `run` with ``RunOptions.expose_state`` it is that of the last step. Its
        shape is (examples, neurons).

        Args:
            group: name of the neuron group.
            variable: name of the variable.
        """

    def set_state(self, group: str, variable: str, values: np.ndarray) -> None:
        """Replaces a state variable of the batch that is being stepped.

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
        """Sets the processes that batches are split over and gradients summed over.

        Args:
            processes: all processes that train together; None for one process.
        """

    def snapshot(self) -> Snapshot:
        """Returns a copy of everything that training changes."""

    def restore(self, snapshot: Snapshot) -> None:
        """Restores the state of a snapshot; arrays that belong to nothing are ignored.

        Raises:
            CheckpointError: if it does not fit; nothing has changed then.
        """

    def close(self) -> None:
        """Frees memory and devices of the model."""


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
            arguments: arguments for GeNN, for backends with ``genn``; None (default)
                for none.
        """
