"""Conversion of recorded data, metrics and spikes to arrays to draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ml_genn.data import PreprocessedSpikes
from ml_genn.errors import ValidationError
from ml_genn.utils.checks import LARGEST, finite_array, real_array, shown, whole

Train = tuple[np.ndarray, np.ndarray]  #: times [ms] and neurons of spikes


def only(where: str, values: Any) -> Any:
    """Returns the only value of a dictionary, or any other object unchanged."""
    if not isinstance(values, Mapping):
        return values
    if len(values) != 1:
        raise ValidationError(
            f"{where}: a dictionary has one entry. Received {len(values)}: "
            f"choose one of {[str(key) for key in values]}."
        )
    return next(iter(values.values()))


def named(where: str, values: Mapping[Any, Any]) -> dict[str, Any]:
    """Returns a dictionary with text keys; raises ValidationError if it is empty."""
    if not values:
        raise ValidationError(f"{where}: the dictionary is empty.")
    return {str(key): value for key, value in values.items()}


def is_arrays(value: Any, *, dimensions: int) -> bool:
    """Returns True for a list of arrays, one per recorded example."""
    return (
        isinstance(value, Sequence)
        and not isinstance(value, str | bytes | tuple)
        and all(isinstance(a, np.ndarray) and a.ndim == dimensions for a in value)
    )


def chosen(
    where: str, recorded: Sequence[Any], index: int, item: str = "example"
) -> Any:
    """Returns the recorded item with an index; raises ValidationError without it."""
    if whole(f"{where}: {item}", index, least=0) >= len(recorded):
        raise ValidationError(
            f"{where}: there is no {item} {index}. {len(recorded)} were recorded, "
            "counted from 0."
        )
    return recorded[index]


def train(where: str, spikes: Any, example: int) -> Train:
    """Returns times and neurons of the spikes of one example.

    Raises:
        ValidationError: if the data have another form.
    """
    if (
        isinstance(spikes, list)
        and spikes
        and isinstance(spikes[0], PreprocessedSpikes)
    ):
        spikes = chosen(where, spikes, example)
    if isinstance(spikes, PreprocessedSpikes):
        return _grouped(where, spikes)
    pair = isinstance(spikes, tuple | list) and len(spikes) == 2
    if pair and all(is_arrays(part, dimensions=1) for part in spikes):
        return chosen(where, spikes[0], example), chosen(where, spikes[1], example)
    if pair and isinstance(spikes, tuple):
        times, ids = (finite_array(f"{where}: spikes", part) for part in spikes)
        if times.ndim == 1 and times.shape == ids.shape:
            return times, ids
    raise ValidationError(
        f"{where}: spikes are what SpikeRecorder collected (data[key], without "
        "record_counts), PreprocessedSpikes or a list of them, or a tuple of as many "
        f"times as neurons. Received {shown(spikes)}."
    )


def _grouped(where: str, spikes: PreprocessedSpikes) -> Train:
    if np.ndim(spikes.end_spikes) != 1:
        raise ValidationError(
            f"{where}: these are PreprocessedSpikes of a batch. Give those of one "
            "example."
        )
    counts = np.diff(spikes.end_spikes, prepend=0)
    return np.asarray(spikes.spike_times), np.repeat(np.arange(len(counts)), counts)


def numbers(where: str, value: Any) -> np.ndarray:
    """Returns all finite numbers of an array, flat; raises an error without any."""
    values: np.ndarray = real_array(where, value).astype(float).ravel()
    values = values[np.abs(values) <= LARGEST]
    if not values.size:
        raise ValidationError(f"{where}: there are no finite numbers to draw.")
    return values
