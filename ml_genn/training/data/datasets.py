"""Data sets that have single examples, found by their number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_genn.communicators import Communicator
from ml_genn.errors import ValidationError


def random_order(size: int, communicator: Communicator | None = None) -> np.ndarray:
    """Numbers of examples in random order, of numpy's global generator.

    The first of several processes chooses for all.
    """
    order = np.random.permutation(size)
    if communicator is not None:
        communicator.broadcast(order, 0)
    return order


def is_dataset(x: Any) -> bool:
    """Whether something is a data set as torch and Tonic have them."""
    has = all(hasattr(type(x), name) for name in ("__getitem__", "__len__"))
    return has and not isinstance(x, Iterable)


@dataclass(frozen=True, slots=True, eq=False)
class Grouped:
    """Batches of a data set whose items are (x, y) or (x, y, sample weight).

    Args:
        source: has ``__getitem__`` and ``__len__``.
        batch_size: examples in a batch.
    """

    source: Any
    batch_size: int

    def __len__(self) -> int:
        return -(-len(self.source) // self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        return self._batches(np.arange(len(self.source)))

    def shuffled(self, communicator: Communicator | None = None) -> Iterator[Any]:
        """Batches of examples in random order."""
        return self._batches(random_order(len(self.source), communicator))

    def _batches(self, order: np.ndarray) -> Iterator[Any]:
        for start in range(0, len(order), self.batch_size):
            chosen = order[start : start + self.batch_size].tolist()
            yield _together([self._example(k) for k in chosen])

    def _example(self, k: int) -> Sequence[Any]:
        item = self.source[k]
        if isinstance(item, tuple | list) and len(item) in (2, 3):
            return item
        raise ValidationError(
            f"Data: examples of {type(self.source).__name__} are pairs (x, y), or (x, "
            f"y, sample weight). Received {type(item).__name__} for example {k}."
        )


def _together(items: list[Sequence[Any]]) -> tuple[Any, ...]:
    """A batch of examples: a list of x, and arrays of the rest."""
    x, *rest = zip(*items, strict=True)
    return list(x), *(np.asarray([np.asarray(v) for v in values]) for values in rest)
