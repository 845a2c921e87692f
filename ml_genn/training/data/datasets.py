"""Data sets with single examples by index, as torch and Tonic have them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_genn.communicators import Communicator
from ml_genn.errors import ValidationError
from ml_genn.utils.checks import as_array


def shuffled_indices(
    size: int, rng: np.random.Generator, communicator: Communicator | None = None
) -> np.ndarray:
    """Returns the numbers from 0 to ``size - 1`` in random order.

    Args:
        size: number of examples.
        rng: generator that draws the order.
        communicator: broadcasts the order of the first process; None (default) for one
            process.
    """
    order = rng.permutation(size)
    if communicator is not None:
        communicator.broadcast(order, 0)
    return order


def is_dataset(x: Any) -> bool:
    """True for an object that has ``__getitem__`` and ``__len__``, but no iterator."""
    indexed = all(hasattr(type(x), name) for name in ("__getitem__", "__len__"))
    return indexed and not isinstance(x, Iterable)


#: Base classes of Keras for data by index whose items are batches, not examples.
_BATCHES_OF_KERAS = frozenset({"PyDataset", "Sequence"})


def has_batches(x: Any) -> bool:
    """True for data of Keras (PyDataset, Sequence), whose items are batches (x, y)."""
    return any(
        cls.__name__ in _BATCHES_OF_KERAS and "keras" in cls.__module__
        for cls in type(x).__mro__
    )


@dataclass(frozen=True, slots=True, eq=False)
class IndexedBatches:
    """Batches by index, as Keras has them; told of the end of each epoch.

    Args:
        source: object with ``__getitem__`` and ``__len__``.
    """

    source: Any

    def __len__(self) -> int:
        return len(self.source)

    def __iter__(self) -> Iterator[Any]:
        for k in range(len(self.source)):
            yield self.source[k]
        if hasattr(self.source, "on_epoch_end"):
            self.source.on_epoch_end()


@dataclass(frozen=True, slots=True, eq=False)
class BatchedDataset:
    """Batches of a data set whose items are (x, y) or (x, y, sample weight).

    Args:
        source: object with ``__getitem__`` and ``__len__``.
        batch_size: examples in a batch.
    """

    source: Any
    batch_size: int

    def __len__(self) -> int:
        return -(-len(self.source) // self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        return self._batches(np.arange(len(self.source)))

    def shuffled(
        self, rng: np.random.Generator, communicator: Communicator | None = None
    ) -> Iterator[Any]:
        """Yields batches of examples in random order; see `shuffled_indices`."""
        return self._batches(shuffled_indices(len(self.source), rng, communicator))

    def _batches(self, order: np.ndarray) -> Iterator[Any]:
        for start in range(0, len(order), self.batch_size):
            indices = order[start : start + self.batch_size].tolist()
            yield _stacked([self._example(k) for k in indices])

    def _example(self, k: int) -> Sequence[Any]:
        item = self.source[k]
        if isinstance(item, tuple | list) and len(item) in (2, 3):
            return item
        raise ValidationError(
            f"Data: examples of {type(self.source).__name__} are pairs (x, y), or (x, "
            f"y, sample weight). Received {type(item).__name__} for example {k}."
        )


def _stacked(items: list[Sequence[Any]]) -> tuple[Any, ...]:
    """Returns examples as a batch: a list of x, and arrays of targets and weights."""
    x, *rest = zip(*items, strict=True)
    return list(x), *(as_array("Data", [as_array("Data", v) for v in c]) for c in rest)
