"""Examples by which thresholds and ranges are chosen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_genn.errors import ValidationError
from ml_genn.utils.checks import finite_array, shown
from ml_genn_tf.units import Unit, Units

CHUNK = 128  #: examples that are run together


@dataclass(frozen=True, eq=False)
class Examples:
    """Examples for each input.

    Args:
        inputs: arrays (examples,) + shape of the input.
    """

    inputs: tuple[np.ndarray, ...]

    def values(self, units: Units) -> Iterator[dict[Unit, np.ndarray]]:
        """What the neurons of the ANN compute, for some examples after the other."""
        for start in range(0, len(self.inputs[0]), CHUNK):
            yield units.values([x[start : start + CHUNK] for x in self.inputs])

    def highest(self, units: Units) -> dict[Unit, float]:
        """The largest size that a value of each unit has."""
        found = dict.fromkeys(units.all, 0.0)
        for values in self.values(units):
            for unit, x in values.items():
                found[unit] = max(found[unit], float(np.abs(x).max()))
        return found


def norm_examples(where: str, norm_data: Any, units: Units) -> Examples:
    """The examples that a user gives as norm_data.

    Args:
        where: what errors name.
        norm_data: an array of examples, an iterable of batches (x, y) or x, or a list
            that holds such an iterable; with several inputs x is a sequence.
        units: whose inputs they are for.

    Raises:
        ValidationError: if there are none or they do not fit.
    """
    if norm_data is None:
        raise ValidationError(
            f"{where}: norm_data is needed: thresholds follow from what the model does "
            "with examples. Give some hundred of the training data, for example "
            f"{where}(..., norm_data=[[(x_train[:500], y_train[:500])]])."
        )
    batches = [_inputs(where, batch, units) for batch in _batches(where, norm_data)]
    if not batches:
        raise ValidationError(f"{where}: norm_data yields no batch.")
    arrays = tuple(np.concatenate(x) for x in zip(*batches, strict=True))
    return Examples(arrays)


def _batches(where: str, norm_data: Any) -> list[Any]:
    if hasattr(norm_data, "shape"):
        return [norm_data]
    if not isinstance(norm_data, Iterable) or isinstance(norm_data, str | dict):
        raise ValidationError(
            f"{where}: norm_data is an array of examples or an iterable of batches "
            f"(x, y). Received {shown(norm_data)}."
        )
    if isinstance(norm_data, list) and len(norm_data) == 1:
        (inside,) = norm_data
        if not isinstance(inside, tuple):
            return _batches(where, inside)
    return list(norm_data)


def _inputs(where: str, batch: Any, units: Units) -> list[np.ndarray]:
    """Examples of a batch for each input."""
    x = batch[0] if isinstance(batch, tuple) else batch
    several = len(units.inputs) > 1
    parts = list(x) if several and isinstance(x, Sequence) else [x]
    shapes = [unit.shape for unit in units.inputs]
    arrays = [finite_array(f"{where}: norm_data", part) for part in parts]
    received = [a.shape for a in arrays]
    if [shape[1:] for shape in received] != shapes or len({len(a) for a in arrays}) > 1:
        raise ValidationError(
            f"{where}: a batch of norm_data has for each input an array of shape "
            f"(examples,) + {', '.join(map(str, shapes))}. Received {received}."
        )
    return [a.astype(np.float32) for a in arrays]
