"""Splitting, batching and shuffling of data sets in dictionaries of examples."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sized
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from ml_genn.errors import ValidationError
from ml_genn.utils.checks import (
    array_or_object,
    check_range,
    probability,
    shown,
    whole,
    whole_numbers,
)

K = TypeVar("K", bound=Hashable)


class Examples(Protocol):
    """An array, a list or another object that has a length and can be sliced."""

    def __len__(self) -> int:
        """Number of examples."""

    def __getitem__(self, item: Any, /) -> Any:
        """Returns one example, or a slice of them."""


def get_dataset_size(data: Mapping[K, Examples]) -> int | None:
    """Returns the number of examples of a data set.

    Args:
        data: examples for each key.

    Returns:
        The common length of all values; None if they differ, or there are none.
    """
    sizes = {len(examples) for examples in _checked(data, "get_dataset_size").values()}
    return sizes.pop() if len(sizes) == 1 else None


def split_dataset(
    data: Mapping[K, Examples], split: float
) -> tuple[dict[K, Any], dict[K, Any]]:
    """Splits a data set in two, for example into training and validation data.

    Args:
        data: examples for each key, equally many for all.
        split: fraction of the examples, from the end, that forms the second part;
            between 0 and 1.

    Returns:
        The first ``round((1 - split) * examples)`` examples, and the others.

    Raises:
        ValidationError: if ``split`` is out of range or the values differ in length.
    """
    where = "split_dataset"
    fraction = probability(f"{where}: split", split)
    boundary = round((1.0 - fraction) * _common_size(data, where))
    first = {key: examples[:boundary] for key, examples in data.items()}
    second = {key: examples[boundary:] for key, examples in data.items()}
    return first, second


def batch_dataset(
    data: Mapping[K, Examples], batch_size: int, size: int
) -> list[dict[K, Any]]:
    """Cuts a data set into batches.

    Args:
        data: examples for each key, at least ``size`` for all.
        batch_size: number of examples of each batch; the last one may have fewer.
        size: number of examples to use, normally from :func:`get_dataset_size`.

    Returns:
        A dictionary of slices for each batch.

    Raises:
        ValidationError: if a value has fewer than ``size`` examples.
    """
    where = "batch_dataset"
    step = whole(f"{where}: batch_size", batch_size)
    total = whole(f"{where}: size", size)
    short = [
        key for key, examples in _checked(data, where).items() if len(examples) < total
    ]
    if short:
        raise ValidationError(
            f"{where}: every value must have at least size={total} examples. Got "
            f"{len(data[short[0]])} for {shown(short[0])}."
        )
    return [
        {key: examples[i : min(i + step, total)] for key, examples in data.items()}
        for i in range(0, total, step)
    ]


def permute_dataset(data: Mapping[K, Examples], indices: npt.ArrayLike) -> dict[K, Any]:
    """Returns the examples at some indices, for example to shuffle a data set.

    Args:
        data: examples for each key, equally many for all.
        indices: 1-D array of example numbers.

    Returns:
        Examples by key, as an array for an array, otherwise as a list.

    Raises:
        ValidationError: if an index is out of range or the values differ in length.
    """
    where = "permute_dataset"
    size = _common_size(data, where)
    if array_or_object(f"{where}: indices", indices).dtype.kind == "b":
        raise ValidationError(
            f"{where}: indices must be example numbers. Got booleans. Pass "
            "numpy.flatnonzero(mask) to select with a mask."
        )
    order = whole_numbers(f"{where}: indices", indices)
    fix = f"The data set has {size} examples."
    check_range(f"{where}: indices", order, size, fix)
    return {
        key: examples[order]
        if isinstance(examples, np.ndarray)
        else [examples[i] for i in order.tolist()]
        for key, examples in data.items()
    }


def _checked(data: Mapping[K, Examples], where: str) -> Mapping[K, Examples]:
    """Returns a data set; raises ValidationError if it is no dictionary of examples."""
    if not isinstance(data, Mapping):
        raise ValidationError(
            f"{where}: data is a dictionary of arrays or lists of examples. Received "
            f"{shown(data)}."
        )
    for key, examples in data.items():
        if not isinstance(examples, Sized) or np.ndim(getattr(examples, "T", (0,))) < 1:
            raise ValidationError(
                f"{where}: examples of {shown(key)} are an array or a list. Received "
                f"{shown(examples)}."
            )
    return data


def _common_size(data: Mapping[K, Examples], where: str) -> int:
    size = get_dataset_size(_checked(data, where))
    if size is None:
        sizes = ", ".join(
            f"{len(value)} for {shown(key)}" for key, value in data.items()
        )
        raise ValidationError(
            f"{where}: all values must have equally many examples. Got "
            f"{sizes or 'an empty data set'}."
        )
    return size
