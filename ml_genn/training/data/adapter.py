"""Choice of the adapter for arguments ``x`` and ``y`` of `train` and `evaluate`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ml_genn.data import PreprocessedSpikes
from ml_genn.errors import ValidationError
from ml_genn.training.data.batches import DataSpec, InMemoryData
from ml_genn.training.data.datasets import (
    BatchedDataset,
    IndexedBatches,
    has_batches,
    is_dataset,
)
from ml_genn.training.data.example_weights import ExampleWeights
from ml_genn.training.data.examples import encode_examples, missing_targets
from ml_genn.training.data.streams import RestartableIterable, StreamedData


def adapt(
    x: Any,
    y: Any,
    spec: DataSpec,
    batch_size: int,
    *,
    epochs: int = 1,
    weights: ExampleWeights | None = None,
    steps: int | None = None,
) -> InMemoryData | StreamedData:
    """Returns data of a user as batches.

    Args:
        x, y: arrays or lists, or mappings of them. With y=None, x is an iterable of
            batches (x, y), a function that returns an iterator of them, or a data set
            with ``__getitem__`` and ``__len__``.
        spec: form of the data.
        batch_size: examples in a batch.
        epochs: number of epochs; 1 by default.
        weights: weights of examples in the loss; None (default) for 1.
        steps: number of batches of an iterable that make an epoch; None (default) for
            all of them.

    Raises:
        ValidationError: if the data do not fit the network, or arguments contradict
            each other.
    """
    weights = weights or ExampleWeights()
    if y is not None or isinstance(x, Mapping):
        if steps is not None:
            raise ValidationError(
                "train: steps_per_epoch cuts an iterable of batches into epochs. Data "
                "in memory are shown whole; give a part of them, or leave it out."
            )
        return encode_examples(x, y, spec, batch_size, weights=weights)
    if weights.samples is not None:
        raise ValidationError(
            "train: sample_weight stands beside data in memory. An iterable of batches "
            "yields (x, y, sample weights)."
        )
    if isinstance(x, Iterator) and epochs > 1 and steps is None:
        raise ValidationError(
            f"Data: an iterator can be used only once, but {epochs} epochs were "
            "asked for. Give an object whose __iter__ starts anew, a function that "
            "returns an iterator, or steps_per_epoch."
        )
    if hasattr(x, "__array__"):
        raise missing_targets()
    if has_batches(x):
        x = IndexedBatches(x)
    elif is_dataset(x):
        x = BatchedDataset(x, batch_size)
    elif callable(x) and not isinstance(x, Iterable):
        x = RestartableIterable(x)
    if not isinstance(x, Iterable):
        raise ValidationError(
            "Data: without y, x is an iterable of batches (x, y), or a data set with "
            f"__getitem__ and __len__. Received {type(x).__name__}."
        )
    return StreamedData(x, spec, batch_size, steps, weights.classes)


def is_stream(x: Any) -> bool:
    """True if data contain their targets: batches (x, y), or a data set of (x, y).

    Args:
        x: data of a user.
    """
    if isinstance(x, Mapping) or hasattr(x, "__array__"):
        return False
    if isinstance(x, Sequence):
        pair = len(x) > 0 and isinstance(x[0], tuple | list)
        return pair and not isinstance(x[0], PreprocessedSpikes)
    return isinstance(x, Iterable) or callable(x) or is_dataset(x)
