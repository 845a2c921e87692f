"""Examples from which thresholds and ranges are computed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_genn.errors import ValidationError
from ml_genn.utils.checks import finite_array, shown
from ml_genn_tf.units import Unit, Units

CHUNK = 128  #: examples whose activations are computed at once; bounds memory


@dataclass(frozen=True, eq=False)
class Examples:
    """Examples of all inputs.

    Args:
        inputs: an array (examples,) + shape for each input.
    """

    inputs: tuple[np.ndarray, ...]

    def values(self, units: Units) -> Iterator[dict[Unit, np.ndarray]]:
        """Yields the activations of the ANN, `CHUNK` examples at a time."""
        for batch in self.batches():
            yield units.values(batch)

    def batches(self) -> Iterator[list[np.ndarray]]:
        """Yields an array for each input, `CHUNK` examples at a time."""
        for start in range(0, len(self.inputs[0]), CHUNK):
            yield [x[start : start + CHUNK] for x in self.inputs]

    def ranges(self, units: Units) -> dict[Unit, tuple[float, float]]:
        """Returns the smallest and the largest activation of each unit."""
        ranges = dict.fromkeys(units.all, (np.inf, -np.inf))
        for values in self.values(units):
            for unit, x in values.items():
                low, high = ranges[unit]
                ranges[unit] = min(low, float(x.min())), max(high, float(x.max()))
        return ranges


def norm_examples(where: str, norm_data: Any, units: Units) -> Examples:
    """Returns the examples of the argument norm_data.

    Args:
        where: beginning of error messages.
        norm_data: an array of examples, an iterable of batches (x, y) or x, or a list
            that holds such an iterable; with several inputs x is a sequence.
        units: units of the model, for the shapes of its inputs.

    Raises:
        ValidationError: if there are no examples, or their shapes do not fit.
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
        (item,) = norm_data
        if not isinstance(item, tuple):
            return _batches(where, item)
    return list(norm_data)


def _inputs(where: str, batch: Any, units: Units) -> list[np.ndarray]:
    """Returns the examples of a batch, an array for each input."""
    x = batch[0] if isinstance(batch, tuple) else batch
    has_many_inputs = len(units.inputs) > 1
    parts = list(x) if has_many_inputs and isinstance(x, Sequence) else [x]
    shapes = [unit.shape for unit in units.inputs]
    arrays = [finite_array(f"{where}: norm_data", part) for part in parts]
    received = [a.shape for a in arrays]
    if [shape[1:] for shape in received] != shapes or len({len(a) for a in arrays}) > 1:
        raise ValidationError(
            f"{where}: a batch of norm_data has for each input an array of shape "
            f"(examples,) + {', '.join(map(str, shapes))}. Received {received}."
        )
    return [a.astype(np.float32) for a in arrays]
