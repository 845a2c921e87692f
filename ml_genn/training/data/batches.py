"""What data have to look like, and batches of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_genn.communicators import Communicator
from ml_genn.losses import Loss
from ml_genn.model.batch import EventStream, Examples, Share, SpikeTimes
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
        share: which examples of a batch that several processes run these are; None for
            all.
        ahead: examples of the next batch; None where it is not known, or there is none.
    """

    prepared: Any
    indices: np.ndarray
    targets: Mapping[Any, np.ndarray]
    weights: Mapping[Population, np.ndarray]
    share: Share | None = None
    ahead: np.ndarray | None = None

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
        ahead = self.ahead
        if ahead is not None:
            ahead = ahead[slice(*communicator.share(len(ahead)))]
        return Batch(
            self.prepared,
            self.indices[first:last],
            PopulationDict(targets),
            {p: values[first:last] for p, values in self.weights.items()},
            Share(first, self.size),
            ahead,
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
            indices, ahead = order[start:last], order[last : last + self.batch_size]
            chosen = {key: values[indices] for key, values in self.targets.items()}
            weights = {p: values[indices] for p, values in self.weights.items()}
            yield Batch(
                self.prepared,
                indices,
                PopulationDict(chosen),
                weights,
                ahead=ahead if len(ahead) else None,
            )
