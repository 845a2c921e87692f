"""Examples and options of a run, and its results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ml_genn.model.plan import Learned


class Events(Protocol):
    """Input spikes of one example, sorted by time step."""

    @property
    def steps(self) -> np.ndarray:
        """Time step of each spike."""

    @property
    def ids(self) -> np.ndarray:
        """Neuron of each spike."""


@dataclass(frozen=True, slots=True, eq=False)
class EventStream:
    """Events of one example in order of time.

    Attributes:
        steps: time step of each event, ascending.
        ids: neuron of each event, ascending within a step.
    """

    steps: npt.NDArray[np.int32]
    ids: npt.NDArray[np.unsignedinteger[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class SpikeTimes:
    """Spike times of one example, neuron after neuron.

    A spike belongs to the first step ``n`` with ``(n + tolerance) * dt >= time``. A
    neuron has at most one event a step; more are postponed, each to the next free step.

    Args:
        ends: running total of spikes over neurons, (neurons,).
        times: of all spikes [ms], ascending for each neuron.
        latest: the latest time that a spike may have [ms].
        num_steps: time steps of the example; later events are dropped.
        dt: time step [ms].
        tolerance: fraction of a step by which a spike may be later than its step.
    """

    ends: npt.NDArray[Any]
    times: npt.NDArray[Any]
    latest: float
    num_steps: int
    dt: float
    tolerance: float


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Examples of a batch, as backends read them.

    Args:
        size: number of examples.
        num_steps: time steps of each.
        events: {input group: one list of spikes per example}.
        values: {input population: numbers (size, frames, neurons)}.
        targets: {output group: labels (size,), values (size, neurons) or trajectories
            (size, steps, neurons)}.
        weights: (size, output groups), the weight of each loss; None (default) for 1.
    """

    size: int
    num_steps: int
    events: Mapping[str, Sequence[Events]]
    targets: Mapping[str, np.ndarray] = field(default_factory=dict)
    weights: np.ndarray | None = None
    values: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Record:
    """Variable that is recorded in every step.

    Args:
        group: neuron group.
        variable: state variable, or adjoint variable (``lambda_<x>``).
    """

    group: str
    variable: str


@dataclass(frozen=True, slots=True)
class BatchSlice:
    """The examples of a batch that one of several processes runs.

    Args:
        first: index of the first example in the batch.
        total: examples in the batch, of all processes.
    """

    first: int
    total: int


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Options of a run: the work beside the forward pass, and the arrays it returns.

    Args:
        backward: compute gradients.
        update: apply the optimisers to the gradients.
        gradients: return the gradients.
        spikes: neuron groups whose spikes are returned.
        records: variables that are recorded in every step.
        continue_state: start from the state in which the last batch ended.
        batch_slice: examples of the batch that this process runs; None for all.
        expose_state: keep the state of the examples readable after the batch.
        next_indices: examples of the next batch, if they are known; a backend may copy
            their data to the device meanwhile.
    """

    backward: bool = False
    update: bool = False
    gradients: bool = False
    spikes: tuple[str, ...] = ()
    records: tuple[Record, ...] = ()
    continue_state: bool = False
    batch_slice: BatchSlice | None = None
    expose_state: bool = False
    next_indices: np.ndarray | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, eq=False)
class Divergence:
    """Numbers of a batch that are not finite, because of which no step was taken.

    Args:
        loss: True if the loss of an example is not finite; False by default.
        groups: neuron groups whose state or readout is not finite at the end of an
            example; none by default.
        gradients: {learned array: largest absolute value of its gradient}; empty
            (default) if gradients were not computed.
        steps: learned arrays of which the optimiser's step would store a number of
            ``MAX_STORED_NUMBER`` or more; none by default.
        in_other_process: True if loss or states of another process are not finite;
            False by default.
    """

    loss: bool = False
    groups: tuple[str, ...] = ()
    gradients: Mapping[Learned, float] = field(default_factory=dict)
    steps: tuple[Learned, ...] = ()
    in_other_process: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class RunResult:
    """Results of a run.

    Args:
        outputs: {output group: (examples, neurons)}.
        losses: (examples, output groups), weighted; zero where there is no loss.
        divergence: numbers that are not finite; None (default) if all are. With them no
            parameter and no optimiser state was updated.
        gradients: {learned array: (source size, target size), or (synapses,) where they
            are sparse, for weights and delays, (neurons,) or () for parameters}.
        spikes: {neuron group: one (steps, neurons) pair per example}.
        records: {record: (examples, steps, neurons)}.
        rewirings: {rewired synapse group: (synapses replaced, rejected draws)}.
    """

    outputs: Mapping[str, np.ndarray]
    losses: np.ndarray
    divergence: Divergence | None = None
    gradients: Mapping[Learned, np.ndarray] = field(default_factory=dict)
    spikes: Mapping[str, list[tuple[np.ndarray, np.ndarray]]] = field(
        default_factory=dict
    )
    records: Mapping[Record, np.ndarray] = field(default_factory=dict)
    rewirings: Mapping[str, tuple[int, int]] = field(default_factory=dict)
