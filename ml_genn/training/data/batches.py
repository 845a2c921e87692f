"""Batches of examples, and the form of data that a network expects."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ml_genn.communicators import Communicator
from ml_genn.losses import Loss
from ml_genn.model.batch import BatchSlice, EventStream, Examples, SpikeTimes
from ml_genn.population import Population
from ml_genn.training.data.datasets import shuffled_indices
from ml_genn.training.data.process_parts import ProcessParts, process_parts
from ml_genn.training.population_dict import PopulationDict


@dataclass(frozen=True, slots=True, eq=False)
class DataSpec:
    """Form of the data that a compiled network expects.

    Args:
        inputs: populations that receive data.
        outputs: populations with a readout.
        losses: {output: loss}; empty for a network that is not trained.
        num_steps: time steps of an example.
        dt: time step [ms].
        prepare: turns checked examples into the form in which the model stores them.
        encode: turns spikes into events faster than NumPy does; returns None if the
            backend cannot, or the spikes need checks.
        seen: {output: time steps that its readout sees}.
        each_step: outputs whose loss has a target for each time step; none by default.
    """

    inputs: tuple[Population, ...]
    outputs: tuple[Population, ...]
    losses: Mapping[Population, Loss]
    num_steps: int
    dt: float
    prepare: Callable[[Examples], Any]
    encode: Callable[[SpikeTimes], EventStream | None]
    seen: Mapping[Population, range]
    each_step: frozenset[Population] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Indices of the examples of a batch, with their targets and weights.

    Args:
        prepared: all examples in the form of the model.
        indices: indices of the batch's examples.
        targets: {output as the user wrote it: targets of the batch}.
        weights: {output: weight of each example in the loss}; empty if all are 1.
        batch_slice: part of the batch that this process runs; None for all of it.
        next_indices: examples of the next batch; None if they are unknown or there are
            none.
    """

    prepared: Any
    indices: np.ndarray
    targets: Mapping[Any, np.ndarray]
    weights: Mapping[Population, np.ndarray]
    batch_slice: BatchSlice | None = None
    next_indices: np.ndarray | None = None

    @property
    def size(self) -> int:
        """Number of examples."""
        return len(self.indices)

    def local_part(self, communicator: Communicator | None) -> Batch:
        """Returns the part of the batch that this process runs.

        Args:
            communicator: connects the processes; None for one, which runs all of it.
        """
        if communicator is None or self.batch_slice is not None:
            return self
        first, last = communicator.local_range(self.size)
        targets = {key: values[first:last] for key, values in self.targets.items()}
        next_indices = self.next_indices
        if next_indices is not None:
            next_indices = next_indices[
                slice(*communicator.local_range(len(next_indices)))
            ]
        return Batch(
            self.prepared,
            self.indices[first:last],
            PopulationDict(targets),
            {p: values[first:last] for p, values in self.weights.items()},
            BatchSlice(first, self.size),
            next_indices,
        )

    def allgather(
        self, values: np.ndarray, communicator: Communicator | None
    ) -> np.ndarray:
        """Returns values of all examples of the batch, in every process.

        Args:
            values: values of the examples of this process.
            communicator: connects the processes; None for one.
        """
        if communicator is None:
            return values
        first, last = communicator.local_range(self.size)
        gathered = np.zeros((self.size, *values.shape[1:]), dtype=values.dtype)
        gathered[first:last] = values
        communicator.all_sum(gathered)
        return gathered


@dataclass(frozen=True, slots=True, eq=False)
class InMemoryData:
    """Examples in memory, checked and in the form of the model.

    Args:
        prepared: examples in the form of the model.
        targets: {output as the user wrote it: targets}.
        size: number of examples.
        batch_size: examples in a batch.
        weights: {output: weight of each example in the loss}; empty if all are 1.
        parts: parts of the data that the processes have; None (default) if each has all
            of them.
    """

    prepared: Any
    targets: Mapping[Any, np.ndarray]
    size: int
    batch_size: int
    weights: Mapping[Population, np.ndarray]
    parts: ProcessParts | None = None

    def with_parts(self, communicator: Communicator | None) -> InMemoryData:
        """Returns the data, as a part of those of all processes if they differ.

        Args:
            communicator: connects the processes; None for one.
        """
        parts = process_parts(
            self.size, self.targets.values(), self.batch_size, communicator
        )
        return replace(self, parts=parts)

    @property
    def num_batches(self) -> int:
        """Number of batches; the last one may be smaller."""
        if self.parts is not None:
            return self.parts.num_batches
        return -(-self.size // self.batch_size)

    def batches(
        self,
        shuffle: np.random.Generator | None = None,
        communicator: Communicator | None = None,
    ) -> Iterator[Batch]:
        """Yields all batches.

        Args:
            shuffle: draws a random order, in the first process if all have the same
                data; None (default) for the order of the examples.
            communicator: connects the processes; None (default) for one.
        """
        order = np.arange(self.size)
        if shuffle is not None:
            order = shuffled_indices(
                self.size, shuffle, None if self.parts else communicator
            )
        length = self.parts.examples_of_batch if self.parts else self.batch_size
        for number in range(self.num_batches):
            first, last = number * length, (number + 1) * length
            indices, next_indices = order[first:last], order[last : last + length]
            targets = {key: values[indices] for key, values in self.targets.items()}
            weights = {p: values[indices] for p, values in self.weights.items()}
            yield Batch(
                self.prepared,
                indices,
                PopulationDict(targets),
                weights,
                self.parts.slice_of(number) if self.parts else None,
                next_indices if len(next_indices) else None,
            )
