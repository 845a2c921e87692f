"""What every backend offers; nothing above this line knows how a model is run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from ml_genn.model.batch import EventStream, Examples, RunOptions, RunResult, SpikeTimes
from ml_genn.model.plan import Plan, Values
from ml_genn.model.snapshot import Snapshot


class Processes(Protocol):
    """Several processes that train together: a `Communicator`."""

    @property
    def rank(self) -> int:
        """The number of this one."""

    @property
    def num_ranks(self) -> int:
        """How many there are."""

    def broadcast(self, data: Any, root: int) -> None:
        """Sends the buffer ``data`` of process ``root`` to all."""

    def all_sum(self, values: np.ndarray) -> None:
        """Sums an array ``values`` over all processes, in place."""

    def begin_sum(self, values: np.ndarray) -> Callable[[], Any]:
        """The same, begun; what is returned waits until it is done."""

    def advance_sums(self) -> None:
        """Lets sums that were begun go on."""


class Model(Protocol):
    """A built plan, with its numbers."""

    plan: Plan

    def encode(self, spikes: SpikeTimes) -> EventStream | None:
        """Spikes as events, where the model is quick at that.

        None where it is not, or where they are not in order or out of range: what is
        wrong is for others to find out.
        """

    def prepare(self, examples: Examples) -> Any:
        """Examples in the form that `run` takes; done once for a data set.

        Args:
            examples: spikes, numbers and targets of all examples.
        """

    def run(self, prepared: Any, indices: np.ndarray, options: RunOptions) -> RunResult:
        """Runs some examples as one batch.

        Args:
            prepared: what `prepare` returned.
            indices: which examples.
            options: whether gradients are taken and used, and what is recorded.
        """

    def weights(self, name: str) -> np.ndarray:
        """A copy of the weights of the synapse group of that name.

        Of shape (source size, target size); a list where they are sparse; of the shape
        of its kernel where they are shared.
        """

    def delays(self, name: str) -> np.ndarray:
        """The delays of the synapse group of that name [steps], shaped as its weights.

        A number if all have the same.
        """

    def indices(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Source and target neuron of each synapse of the sparse group of that name."""

    def set_weights(self, name: str, weights: np.ndarray) -> None:
        """Replaces the weights of the synapse group of that name."""

    def parameter(self, group: str, name: str) -> np.ndarray:
        """The values of a learned parameter: (neurons,), or () if they share one.

        Args:
            group: name of the neuron group.
            name: name of the parameter.
        """

    def begin_step(
        self, prepared: Any, indices: np.ndarray, options: RunOptions
    ) -> None:
        """Starts a batch that is advanced one time step at a time.

        Args:
            prepared, indices, options: as for `run`.
        """

    def step(self) -> None:
        """Advances the batch by one time step."""

    def end_step(self) -> RunResult:
        """Ends the batch: results, and backward pass and update if asked for."""

    def state(self, group: str, variable: str) -> np.ndarray:
        """A state variable of the batch that is being stepped: (examples, neurons).

        Or of the one that ran last, with ``RunOptions.expose_state``.

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
        """Takes the numbers of the optimisers for the next batch.

        Args:
            scalars: those of each update of the plan, one after the other.
        """

    def set_processes(self, processes: Processes | None) -> None:
        """Says with whom batches are run and gradients summed.

        Args:
            processes: all that train together; None for one process.
        """

    def snapshot(self) -> Snapshot:
        """What training changes and goes on from, copied."""

    def restore(self, snapshot: Snapshot) -> None:
        """Goes back to a ``snapshot``; arrays that belong to nothing are left out.

        Raises:
            CheckpointError: if it does not fit; nothing has changed then.
        """

    def close(self) -> None:
        """Frees what the model holds."""


class Backend(Protocol):
    """Builds plans."""

    @property
    def name(self) -> str:
        """What users call it."""

    @property
    def genn(self) -> bool:
        """Whether GeNN runs its models, so that arguments for GeNN are passed on."""

    def build(
        self,
        plan: Plan,
        values: Values,
        *,
        num_threads: int | None,
        seed: int,
        batch_size: int = 1,
        arguments: Mapping[str, Any] | None = None,
    ) -> Model:
        """A model that runs the plan.

        Args:
            plan: what is to be run.
            values: its numbers: weights, parameters, delays, the time step.
            num_threads: threads; None for as many as the process may use.
            seed: seed of the random numbers drawn while running.
            batch_size: examples that run at once, at most.
            arguments: for GeNN, where it runs.
        """
