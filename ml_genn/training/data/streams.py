"""Batches that an iterable yields."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from ml_genn.communicators import Communicator
from ml_genn.data import PreprocessedSpikes
from ml_genn.errors import ValidationError
from ml_genn.training.data.batches import Batch, DataSpec, InMemory
from ml_genn.training.data.datasets import Grouped
from ml_genn.training.data.example_weights import Weights
from ml_genn.training.data.examples import in_memory, no_targets


@dataclass(frozen=True, slots=True, eq=False)
class Streamed:
    """Batches that an iterable yields as (x, y) or (x, y, sample weights)."""

    source: Iterable[tuple[Any, ...]]
    spec: DataSpec
    batch_size: int
    limit: int | None = None
    class_weight: Any = None

    @property
    def num_batches(self) -> int | None:
        """Number of batches, where it is known beforehand."""
        known = _length(self.source)
        if self.limit is None:
            return known
        return self.limit if known is None else min(known, self.limit)

    def batches(
        self, shuffle: bool = False, communicator: Communicator | None = None
    ) -> Iterator[Batch]:
        """All batches, in the order of the iterable, which owns shuffling; it gives
        every process the same ones.

        A data set of single examples is shuffled if asked for.
        """
        empty = True
        source: Iterable[Any] = self.source
        if shuffle and isinstance(source, Grouped):
            source = source.shuffled(communicator)
        for k, item in enumerate(islice(source, self.limit)):
            data = self._checked(item, k)
            empty = False
            everything = np.arange(data.size)
            yield Batch(data.prepared, everything, data.targets, data.weights)
        if empty:
            raise ValidationError(
                "Data: the iterable of batches yielded none. An iterator can be used "
                "only once; give a list or an object whose __iter__ starts anew."
            )

    def _checked(self, item: Any, k: int) -> InMemory:
        """A batch as examples; errors are noted to come from item ``k``."""
        try:
            if isinstance(item, PreprocessedSpikes):
                raise no_targets()
            if not isinstance(item, tuple | list) or len(item) not in (2, 3):
                raise ValidationError(
                    "Data: each item of an iterable of batches is a pair (x, y), or "
                    f"(x, y, sample weights). Received {type(item).__name__}."
                )
            x, y, *rest = item
            weights = Weights(rest[0] if rest else None, self.class_weight)
            return in_memory(x, y, self.spec, self.batch_size, weights=weights)
        except ValidationError as error:
            error.add_note(f"In item {k} of the iterable of batches.")
            raise


@dataclass(frozen=True, slots=True, eq=False)
class Restarted:
    """What a function gives, asked for anew each time."""

    make: Callable[[], Iterable[tuple[Any, ...]]]

    def __iter__(self) -> Iterator[Any]:
        made: Any = self.make()
        if not isinstance(made, Iterable):
            raise ValidationError(
                "Data: a function given as x returns an iterator of batches (x, y). "
                f"Received {type(made).__name__}."
            )
        return iter(made)


def _length(source: Iterable[Any]) -> int | None:
    """Number of batches; None where it is not known, as of torch's endless loaders."""
    try:
        return len(source) if isinstance(source, Sized) else None
    except TypeError:
        return None


@dataclass(frozen=True, slots=True, eq=False)
class Keyed:
    """Batches (x, y) keyed by populations: by one, or in the order of several."""

    source: Iterable[tuple[Any, Any]]
    inputs: Any
    outputs: Any

    def __iter__(self) -> Iterator[Any]:
        for item in self.source:
            if isinstance(item, tuple | list) and len(item) == 2:
                x, y = item
                yield self._keyed(self.inputs, x), self._keyed(self.outputs, y)
            else:
                yield item

    @staticmethod
    def _keyed(keys: Any, values: Any) -> Any:
        if not isinstance(keys, Sequence):
            return {keys: values}
        parts = len(values) if isinstance(values, Sequence) else 1
        if parts != len(keys):
            raise ValidationError(
                f"Data: {len(keys)} populations need as many parts of each batch, in "
                f"their order. Received {parts}."
            )
        return dict(zip(keys, values, strict=True))
