"""Split of data in memory into training and validation data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sized
from typing import Any

from ml_genn.data import get_dataset_size, split_dataset
from ml_genn.errors import ValidationError
from ml_genn.utils.checks import number, shown


def split_validation(
    x: Any, y: Any, samples: Any, fraction: float
) -> tuple[tuple[Any, Any, Any], tuple[Any, Any]]:
    """Splits the last examples off as validation data.

    Args:
        x, y, samples: examples, targets and sample weights (or None): arrays or lists,
            or mappings of them.
        fraction: fraction of the examples used for validation, between 0 and 1.

    Returns:
        (x, y, samples) of training and (x, y) of validation, in the same form.

    Raises:
        ValidationError: if the data are not in memory, or one part has no examples.
    """
    if y is None:
        raise ValidationError(
            "train: validation_split needs data in memory. Give validation_x and "
            "validation_y beside an iterable of batches."
        )
    if not 0.0 < number("train: validation_split", fraction) < 1.0:
        raise ValidationError(
            "train: validation_split is a fraction of the data, between 0 and 1. "
            f"Received {shown(fraction)}."
        )
    arguments = {"x": x, "y": y, "sample_weight": samples}
    values = {
        (name, key): examples
        for name, data in arguments.items()
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

    def original_form(part: Mapping[Any, Any], name: str) -> Any:
        if arguments[name] is None:
            return None
        if not isinstance(arguments[name], Mapping):
            return part[name, None]
        return {key: part[name, key] for key in arguments[name]}

    train, validation = [
        [original_form(part, name) for name in arguments] for part in parts
    ]
    return (train[0], train[1], train[2]), (validation[0], validation[1])


def _items(data: Any) -> Iterable[tuple[Any, Any]]:
    return data.items() if isinstance(data, Mapping) else [(None, data)]


def _size(name: str, examples: Any) -> int:
    if not isinstance(examples, Sized):
        raise ValidationError(
            f"Data: {name}: expected a list or an array. Received "
            f"{type(examples).__name__}."
        )
    return len(examples)
