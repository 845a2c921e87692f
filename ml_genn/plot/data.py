"""What users have, as arrays to draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ml_genn.data import PreprocessedSpikes
from ml_genn.errors import ValidationError
from ml_genn.utils.checks import finite_array, real_array, shown, whole

Train = tuple[np.ndarray, np.ndarray]  #: times [ms] and neurons of spikes


def only(where: str, what: Any) -> Any:
    """The only entry of a dictionary by output; anything else as it is."""
    if not isinstance(what, Mapping):
        return what
    if len(what) != 1:
        raise ValidationError(
            f"{where}: a dictionary has one entry. Received {len(what)}: choose one of "
            f"{[str(key) for key in what]}."
        )
    return next(iter(what.values()))


def named(where: str, what: Mapping[Any, Any]) -> dict[str, Any]:
    """A dictionary with text for keys; refuses an empty one."""
    if not what:
        raise ValidationError(f"{where}: the dictionary is empty.")
    return {str(key): value for key, value in what.items()}


def is_arrays(value: Any, *, dimensions: int) -> bool:
    """Whether something is a list of arrays, one for each recorded example."""
    return (
        isinstance(value, Sequence)
        and not isinstance(value, str | bytes | tuple)
        and all(isinstance(a, np.ndarray) and a.ndim == dimensions for a in value)
    )


def chosen(
    where: str, recorded: Sequence[Any], index: int, what: str = "example"
) -> Any:
    """One of the examples, or of something else, that were recorded."""
    if whole(f"{where}: {what}", index, least=0) >= len(recorded):
        raise ValidationError(
            f"{where}: there is no {what} {index}. {len(recorded)} were recorded, "
            "counted from 0."
        )
    return recorded[index]


def train(where: str, spikes: Any, example: int) -> Train:
    """Times and neurons of the spikes of one example.

    Raises:
        ValidationError: if the data are something else.
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
    """All finite numbers of an array, in one line; refuses an array without any."""
    found: np.ndarray = real_array(where, value).astype(float).ravel()
    found = found[np.isfinite(found)]
    if not found.size:
        raise ValidationError(f"{where}: there are no finite numbers to draw.")
    return found
