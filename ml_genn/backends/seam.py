"""What every backend offers; nothing above this line knows how a model is run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from ml_genn.model.plan import Plan, Values


class Events(Protocol):
    """Input spikes of one example, sorted by time step."""

    @property
    def steps(self) -> np.ndarray:
        """Time step of each spike."""

    @property
    def ids(self) -> np.ndarray:
        """Neuron of each spike."""


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Examples as a backend takes them.

    Args:
        size: number of examples.
        num_steps: time steps of each.
        events: {input group: one list of spikes per example}.
        targets: {output group: labels (size,) or values (size, steps, neurons)}.
    """

    size: int
    num_steps: int
    events: Mapping[str, Sequence[Events]]
    targets: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Record:
    """A variable to be recorded in every step.

    Args:
        group: neuron group.
        variable: state variable, or adjoint variable (``lambda_<x>``).
    """

    group: str
    variable: str


@dataclass(frozen=True, slots=True)
class Mode:
    """What a run does beside the forward pass.

    Args:
        backward: take gradients.
        update: apply the optimisers to them.
        gradients: return them.
        spikes: neuron groups whose spikes are returned.
        records: variables recorded in every step.
        keep_state: start from the state in which the last batch ended.
    """

    backward: bool = False
    update: bool = False
    gradients: bool = False
    spikes: tuple[str, ...] = ()
    records: tuple[Record, ...] = ()
    keep_state: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What a run gives.

    Args:
        results: {output group: (examples, neurons)}.
        losses: (examples, output groups); zero where there is no loss.
        finite: whether the losses are; if not, nothing was updated.
        gradients: {synapse group: (source size, target size)}.
        spikes: {neuron group: one (steps, neurons) pair per example}.
        records: {record: (examples, steps, neurons)}.
    """

    results: Mapping[str, np.ndarray]
    losses: np.ndarray
    finite: bool
    gradients: Mapping[str, np.ndarray] = field(default_factory=dict)
    spikes: Mapping[str, list[tuple[np.ndarray, np.ndarray]]] = field(
        default_factory=dict
    )
    records: Mapping[Record, np.ndarray] = field(default_factory=dict)


class Model(Protocol):
    """A built plan, with its numbers."""

    plan: Plan

    def prepare(self, examples: Examples) -> Any:
        """Examples in the form that `run` takes; done once for a data set."""

    def run(self, prepared: Any, indices: np.ndarray, mode: Mode) -> Outcome:
        """Runs the examples at ``indices`` as one batch."""

    def weights(self, name: str) -> np.ndarray:
        """A copy of the weights of a synapse group."""

    def set_weights(self, name: str, weights: np.ndarray) -> None:
        """Replaces the weights of a synapse group."""

    def begin_step(self, prepared: Any, indices: np.ndarray, mode: Mode) -> None:
        """Starts a batch that is advanced one time step at a time."""

    def step(self) -> None:
        """Advances the batch by one time step."""

    def end_step(self) -> Outcome:
        """Ends the batch: results, and backward pass and update if asked for."""

    def state(self, group: str, variable: str) -> np.ndarray:
        """A state variable of a batch that is being stepped: (examples, neurons)."""

    def set_optimiser_scalars(self, scalars: Sequence[float]) -> None:
        """Numbers that the optimisers are given, update by update."""

    def close(self) -> None:
        """Frees what the model holds."""


class Backend(Protocol):
    """Builds plans."""

    name: str

    def build(
        self, plan: Plan, values: Values, *, num_threads: int | None, seed: int
    ) -> Model:
        """A model that runs the plan."""
