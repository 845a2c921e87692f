"""What data have to look like, and batches of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_genn.communicators import Communicator
from ml_genn.losses import Loss
from ml_genn.model.batch import BatchSlice, EventStream, Examples, SpikeTimes
from ml_genn.population import Population
from ml_genn.training.data.datasets import random_order
from ml_genn.training.population_dict import PopulationDict


@dataclass(frozen=True, slots=True, eq=False)
class DataSpec:
    """What data has to look like.

    Args:
        inputs: populations that are given data.
        outputs: populations that have a readout.
        losses: {output: loss}; empty where nothing is learned.
        each_step: outputs whose loss compares each step.
        num_steps: time steps of an example.
        dt: time step [ms].
        prepare: turns checked examples into what the model runs.
        encode: turns spikes into events where the model is quick at that, else None.
    """

    inputs: tuple[Population, ...]
    outputs: tuple[Population, ...]
    losses: Mapping[Population, Loss]
    num_steps: int
    dt: float
    prepare: Callable[[Examples], Any]
    encode: Callable[[SpikeTimes], EventStream | None]
    each_step: frozenset[Population] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """A batch.

    Args:
        prepared: examples in the model's form.
        indices: which of them.
        targets: {output key that the user wrote: targets of the batch}.
        weights: {output: how much each example counts}; empty where none were given.
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

    def shared(self, communicator: Communicator | None) -> Batch:
        """The part of the batch that this process runs: all of it if it is alone."""
        if communicator is None:
            return self
        first, last = communicator.share(self.size)
        targets = {key: values[first:last] for key, values in self.targets.items()}
        next_indices = self.next_indices
        if next_indices is not None:
            next_indices = next_indices[slice(*communicator.share(len(next_indices)))]
        return Batch(
            self.prepared,
            self.indices[first:last],
            PopulationDict(targets),
            {p: values[first:last] for p, values in self.weights.items()},
            BatchSlice(first, self.size),
            next_indices,
        )

    def gathered(
        self, values: np.ndarray, communicator: Communicator | None
    ) -> np.ndarray:
        """Values of all examples from those of each process's share."""
        if communicator is None:
            return values
        first, last = communicator.share(self.size)
        found = np.zeros((self.size, *values.shape[1:]), dtype=values.dtype)
        found[first:last] = values
        communicator.all_sum(found)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class InMemory:
    """Examples that are all in memory."""

    prepared: Any
    targets: Mapping[Any, np.ndarray]
    size: int
    batch_size: int
    weights: Mapping[Population, np.ndarray]

    @property
    def num_batches(self) -> int:
        """Number of batches, a smaller last one included."""
        return -(-self.size // self.batch_size)

    def batches(
        self, shuffle: bool = False, communicator: Communicator | None = None
    ) -> Iterator[Batch]:
        """All batches, in random order (numpy's global generator) if asked for.

        The first process chooses the order for all.
        """
        order = (
            random_order(self.size, communicator) if shuffle else np.arange(self.size)
        )
        for start in range(0, self.size, self.batch_size):
            last = start + self.batch_size
            indices, next_indices = (
                order[start:last],
                order[last : last + self.batch_size],
            )
            chosen = {key: values[indices] for key, values in self.targets.items()}
            weights = {p: values[indices] for p, values in self.weights.items()}
            yield Batch(
                self.prepared,
                indices,
                PopulationDict(chosen),
                weights,
                next_indices=next_indices if len(next_indices) else None,
            )
