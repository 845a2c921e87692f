"""A part of the data, set aside for validation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sized
from typing import Any

from ml_genn.data import get_dataset_size, split_dataset
from ml_genn.errors import ValidationError
from ml_genn.utils.checks import number


def split_off(
    x: Any, y: Any, samples: Any, fraction: float
) -> tuple[tuple[Any, Any, Any], tuple[Any, Any]]:
    """Data without their last part, and that part, in the form in which they came.

    Raises:
        ValidationError: if they are not in memory, or a part has no examples.
    """
    if y is None:
        raise ValidationError(
            "train: validation_split needs data in memory. Give validation_x and "
            "validation_y beside an iterable of batches."
        )
    if not 0.0 < number("train: validation_split", fraction) < 1.0:
        raise ValidationError(
            "train: validation_split is a share of the data, between 0 and 1. "
            f"Received {fraction!r}."
        )
    given = {"x": x, "y": y, "sample_weight": samples}
    values = {
        (name, key): examples
        for name, data in given.items()
        if data is not None
        for key, examples in _items(data)
    }
    sizes = {key: _size(key[0], examples) for key, examples in values.items()}
    if len(set(sizes.values())) > 1:
        raise ValidationError(
            "Data: inputs and targets have one entry per example, so they are equally "
            f"long. Received lengths { {name: n for (name, _), n in sizes.items()} }."
        )
    parts = split_dataset(values, fraction)
    counts = [get_dataset_size(part) for part in parts]
    if not all(counts):
        raise ValidationError(
            f"train: validation_split={fraction!r} leaves {counts[0]} examples to "
            f"train on and {counts[1]} to validate on. Choose one between."
        )

    def formed(part: Mapping[Any, Any], name: str) -> Any:
        if given[name] is None:
            return None
        if not isinstance(given[name], Mapping):
            return part[name, None]
        return {key: part[name, key] for key in given[name]}

    first, last = [[formed(part, name) for name in given] for part in parts]
    return (first[0], first[1], first[2]), (last[0], last[1])


def _items(data: Any) -> Iterable[tuple[Any, Any]]:
    return data.items() if isinstance(data, Mapping) else [(None, data)]


def _size(name: str, examples: Any) -> int:
    if not isinstance(examples, Sized):
        raise ValidationError(
            f"Data: {name}: expected a list or an array. Received "
            f"{type(examples).__name__}."
        )
    return len(examples)
