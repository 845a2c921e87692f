"""Data as users give them, in memory or streamed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ml_genn.data import PreprocessedSpikes
from ml_genn.errors import ValidationError
from ml_genn.training.data.batches import DataSpec, InMemory
from ml_genn.training.data.datasets import Grouped, is_dataset
from ml_genn.training.data.example_weights import Weights
from ml_genn.training.data.examples import in_memory, no_targets
from ml_genn.training.data.streams import Restarted, Streamed


def adapt(
    x: Any,
    y: Any,
    spec: DataSpec,
    batch_size: int,
    *,
    epochs: int = 1,
    weights: Weights | None = None,
    steps: int | None = None,
) -> InMemory | Streamed:
    """Data as users give it: mappings, arrays or lists, or an iterable of (x, y).

    Args:
        x, y: data; x alone may be an iterable of batches, or a function that gives one
            for each epoch, or a data set that has single examples by their number.
        spec: what data has to look like.
        batch_size: examples in a batch.
        epochs: how often all data are shown.
        weights: how much each example counts; None for one each.
        steps: batches of an epoch, of an iterable; None for all.

    Raises:
        ValidationError: if anything does not fit the network.
    """
    weights = weights or Weights()
    if y is not None or isinstance(x, Mapping):
        if steps is not None:
            raise ValidationError(
                "train: steps_per_epoch cuts an iterable of batches into epochs. Data "
                "in memory are shown whole; give a part of them, or leave it out."
            )
        return in_memory(x, y, spec, batch_size, weights=weights)
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
        raise no_targets()
    if is_dataset(x):
        x = Grouped(x, batch_size)
    elif callable(x) and not isinstance(x, Iterable):
        x = Restarted(x)
    if not isinstance(x, Iterable):
        raise ValidationError(
            "Data: without y, x is an iterable of batches (x, y), or a data set with "
            f"__getitem__ and __len__. Received {type(x).__name__}."
        )
    return Streamed(x, spec, batch_size, steps, weights.classes)


def is_stream(x: Any) -> bool:
    """Whether data bring their targets along: an iterable of batches, or what makes it.

    Args:
        x: what a user gave as data.
    """
    if isinstance(x, Mapping) or hasattr(x, "__array__"):
        return False
    if isinstance(x, Sequence):
        pair = len(x) > 0 and isinstance(x[0], tuple | list)
        return pair and not isinstance(x[0], PreprocessedSpikes)
    return isinstance(x, Iterable) or callable(x) or is_dataset(x)
