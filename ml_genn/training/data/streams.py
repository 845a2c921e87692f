"""Batches from iterables, and adapters of iterables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np

from ml_genn.communicators import Communicator
from ml_genn.data import PreprocessedSpikes
from ml_genn.data.ranges import DataWarnings
from ml_genn.errors import ValidationError
from ml_genn.training.data.batches import Batch, DataSpec, InMemoryData
from ml_genn.training.data.datasets import BatchedDataset
from ml_genn.training.data.example_weights import ExampleWeights
from ml_genn.training.data.examples import encode_examples, missing_targets


@dataclass(frozen=True, slots=True, eq=False)
class StreamedData:
    """Batches from an iterable of (x, y) or (x, y, sample weights).

    Args:
        source: the iterable.
        spec: form of the data.
        batch_size: largest number of examples in a batch.
        limit: number of batches of an epoch; None (default) for all.
        class_weight: weights of classes in the loss; None (default) for 1.
        issued: warnings about the data so far.
    """

    source: Iterable[tuple[Any, ...]]
    spec: DataSpec
    batch_size: int
    limit: int | None = None
    class_weight: Any = None
    issued: DataWarnings = field(default_factory=DataWarnings)

    @property
    def num_batches(self) -> int | None:
        """Number of batches; None if the length of the iterable is unknown."""
        length = _length(self.source)
        if self.limit is None:
            return length
        return self.limit if length is None else min(length, self.limit)

    def batches(
        self,
        shuffle: np.random.Generator | None = None,
        communicator: Communicator | None = None,
    ) -> Iterator[Batch]:
        """Yields all batches in the order of the iterable.

        Every process has to get the same batches.

        Args:
            shuffle: draws a random order of a data set of single examples; other
                iterables shuffle themselves. None (default) for the order of the set.
            communicator: connects the processes; None (default) for one.

        Raises:
            ValidationError: if a batch does not fit the network, or there is none.
        """
        empty = True
        source: Iterable[Any] = self.source
        if shuffle is not None and isinstance(source, BatchedDataset):
            source = source.shuffled(shuffle, communicator)
        for k, item in enumerate(islice(source, self.limit)):
            data = self._encoded(item, k)
            empty = False
            indices = np.arange(data.size)
            yield Batch(data.prepared, indices, data.targets, data.weights)
        if empty:
            raise ValidationError(
                "Data: the iterable of batches yielded none. An iterator can be used "
                "only once; give a list or an object whose __iter__ starts anew."
            )

    def _encoded(self, item: Any, k: int) -> InMemoryData:
        """Returns item number ``k`` as examples; errors name that number."""
        try:
            if isinstance(item, PreprocessedSpikes):
                raise missing_targets()
            if not isinstance(item, tuple | list) or len(item) not in (2, 3):
                raise ValidationError(
                    "Data: each item of an iterable of batches is a pair (x, y), or "
                    f"(x, y, sample weights). Received {type(item).__name__}."
                )
            x, y, *rest = item
            weights = ExampleWeights(rest[0] if rest else None, self.class_weight)
            return encode_examples(
                x, y, self.spec, self.batch_size, weights=weights, issued=self.issued
            )
        except ValidationError as error:
            error.add_note(f"In item {k} of the iterable of batches.")
            raise


@dataclass(frozen=True, slots=True, eq=False)
class RestartableIterable:
    """Iterable whose iterators a function returns.

    Args:
        make: function without arguments, called for each epoch.
    """

    make: Callable[[], Iterable[tuple[Any, ...]]]

    def __iter__(self) -> Iterator[Any]:
        batches: Any = self.make()
        if not isinstance(batches, Iterable):
            raise ValidationError(
                "Data: a function given as x returns an iterator of batches (x, y). "
                f"Received {type(batches).__name__}."
            )
        return iter(batches)


def _length(source: Iterable[Any]) -> int | None:
    """Returns the number of batches; None if it is unknown."""
    try:
        return len(source) if isinstance(source, Sized) else None
    except TypeError:  # torch's loaders of iterable data sets have a length that fails
        return None


@dataclass(frozen=True, slots=True, eq=False)
class KeyedBatches:
    """Batches (x, y) as dictionaries keyed by populations.

    Args:
        source: iterable of (x, y).
        inputs: the input, or a sequence of inputs in the order of the parts of x. With
            a sequence of one, x is its array or a list with that.
        outputs: likewise for y.
    """

    source: Iterable[tuple[Any, Any]]
    inputs: Any
    outputs: Any

    def __len__(self) -> int:
        return len(self.source)  # type: ignore[arg-type]

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
        if len(keys) == 1 and not _is_list_of_one_part(values):
            return {keys[0]: values}
        parts = len(values) if isinstance(values, Sequence) else 1
        if parts != len(keys):
            raise ValidationError(
                f"Data: {len(keys)} populations need as many parts of each batch, in "
                f"their order. Received {parts}."
            )
        return dict(zip(keys, values, strict=True))


def _is_list_of_one_part(values: Any) -> bool:
    """True for a list with the examples of one population, not with one example."""
    if not isinstance(values, Sequence) or len(values) != 1:
        return False
    return isinstance(values[0], Sequence) or bool(getattr(values[0], "shape", ()))
