"""Spikes of one example, grouped by neuron, and statistics of data sets of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ml_genn.errors import ValidationError
from ml_genn.utils.checks import (
    check_range,
    items,
    real_array,
    whole,
    whole_numbers,
)

RANK_BITS = 32  #: bits of a spike's rank in a word with its neuron in the upper bits


class PreprocessedSpikes(NamedTuple):
    """Spikes of one example, or of a batch, grouped by neuron.

    The spikes of neuron ``i`` are ``spike_times[end_spikes[i - 1]:end_spikes[i]]``,
    with 0 in place of ``end_spikes[-1]``. A data set is a list of examples.

    Attributes:
        end_spikes: running total of spikes over neurons, of shape ``(neurons,)``,
            or ``(batch, neurons)`` as made by :func:`batch_spikes`.
        spike_times: 1-D array of times [ms]: all of neuron 0, then all of neuron 1,
            and so on, ascending for each neuron.
    """

    end_spikes: npt.NDArray[np.integer[Any]]
    spike_times: npt.NDArray[np.floating[Any]]


def preprocess_spikes(
    times: npt.ArrayLike, ids: npt.ArrayLike, num_neurons: int
) -> PreprocessedSpikes:
    """Groups the spikes of one example by neuron.

    Args:
        times: spike times [ms], in any order.
        ids: neuron of each spike.
        num_neurons: number of neurons of the population.

    Returns:
        The spikes, sorted by neuron and then by time.

    Raises:
        ValidationError: if the arrays are not 1-D and equally long, an id is not an
            integer from 0 to ``num_neurons - 1``, or a time is negative or not finite.
    """
    where = "preprocess_spikes"
    count = whole(f"{where}: num_neurons", num_neurons)
    checked_times = check_times(times, where)
    checked_ids = whole_numbers(f"{where}: ids", ids)
    if checked_times.size != checked_ids.size:
        raise ValidationError(
            f"{where}: times and ids must be equally long. Got {checked_times.size} "
            f"times and {checked_ids.size} ids."
        )
    fix = f"Raise num_neurons (now {count}) or drop these spikes."
    check_range(f"{where}: ids", checked_ids, count, fix)
    return group_spikes(checked_times, checked_ids, count)


def check_times(times: npt.ArrayLike, where: str) -> npt.NDArray[np.floating[Any]]:
    """Returns times as a 1-D float array, all finite and non-negative."""
    array = real_array(f"{where}: times", times)
    if array.ndim != 1:
        raise ValidationError(
            f"{where}: times must be 1-D. Received shape {array.shape}."
        )
    if array.dtype.kind != "f":
        array = array.astype(np.float64)
    wrong = np.flatnonzero(~(np.isfinite(array) & (array >= 0.0)))
    if wrong.size:
        raise ValidationError(
            f"{where}: times must be finite and non-negative [ms]. Got "
            f"{array[wrong[0]]} at index {wrong[0]} ({wrong.size} of {array.size} "
            "are wrong). Drop these spikes or shift all times."
        )
    return array


def group_spikes(
    times: npt.NDArray[np.floating[Any]], ids: npt.NDArray[np.int64], num_neurons: int
) -> PreprocessedSpikes:
    """Returns valid spikes, sorted by neuron and then by time."""
    by_time = np.argsort(times)
    # Two plain sorts, the second of words of neuron and rank, are faster than
    # np.lexsort.
    words = np.sort((ids[by_time] << RANK_BITS) | np.arange(ids.size))
    order = by_time[words & ((1 << RANK_BITS) - 1)]
    counts = np.bincount(ids, minlength=num_neurons)
    return PreprocessedSpikes(np.cumsum(counts, dtype=np.int32), times[order])


def calc_max_spikes(spikes: Iterable[PreprocessedSpikes]) -> int:
    """Returns the largest number of spikes of an example, over all neurons.

    A batch has at most ``batch_size`` times this number of spikes.

    Args:
        spikes: the examples.

    Raises:
        ValidationError: if there is no example.
    """
    totals = [
        len(example.spike_times) for example in _examples(spikes, "calc_max_spikes")
    ]
    if not totals:
        raise ValidationError("calc_max_spikes: the data set has no examples.")
    return max(totals)


def calc_latest_spike_time(spikes: Iterable[PreprocessedSpikes]) -> float:
    """Returns the time [ms] of the last spike of a data set.

    Examples without spikes are skipped.

    Args:
        spikes: the examples.

    Raises:
        ValidationError: if there is no example, or none with a spike.
    """
    latest = [
        float(np.max(example.spike_times)) if len(example.spike_times) else None
        for example in _examples(spikes, "calc_latest_spike_time")
    ]
    times = [time for time in latest if time is not None]
    if not times:
        raise ValidationError(
            "calc_latest_spike_time: at least one example must have a spike. Got "
            f"{len(latest)} examples, all without spikes. If the data were encoded, "
            "check that their values reach the threshold."
        )
    return max(times)


def batch_spikes(
    spikes: Sequence[PreprocessedSpikes], batch_size: int
) -> PreprocessedSpikes:
    """Joins examples to one batch.

    Args:
        spikes: between 1 and ``batch_size`` examples with equally many neurons.
        batch_size: number of rows of the result; missing examples have no spikes.

    Returns:
        Spikes whose ``end_spikes`` has the shape ``(batch_size, neurons)`` and
        continues to count from each example to the next.

    Raises:
        ValidationError: if there are no or too many examples, or they differ in the
            number of neurons.
    """
    where = "batch_spikes"
    rows = whole(f"{where}: batch_size", batch_size)
    spikes = _examples(spikes, where)
    if not 1 <= len(spikes) <= rows:
        raise ValidationError(
            f"{where}: a batch of size {rows} takes 1 to {rows} examples. Got "
            f"{len(spikes)}."
        )
    shapes = [np.shape(example.end_spikes) for example in spikes]
    odd = next((i for i, s in enumerate(shapes) if s != shapes[0] or len(s) != 1), None)
    if odd is not None:
        raise ValidationError(
            f"{where}: examples must have 1-D end_spikes with equally many neurons. "
            f"Got shape {shapes[0]} in example 0 and {shapes[odd]} in example {odd}."
        )
    totals = np.cumsum([len(example.spike_times) for example in spikes])
    end_spikes = np.full((rows, shapes[0][0]), totals[-1], dtype=np.int64)
    for row, (example, total) in enumerate(zip(spikes, totals, strict=True)):
        end_spikes[row] = example.end_spikes + (total - len(example.spike_times))
    times = np.concatenate([example.spike_times for example in spikes])
    return PreprocessedSpikes(end_spikes, times)


def _examples(spikes: Any, where: str) -> list[PreprocessedSpikes]:
    """Returns a list of examples; raises ValidationError if it is none."""
    examples = items(f"{where}: spikes", spikes)
    for example in examples:
        if not isinstance(example, PreprocessedSpikes):
            raise ValidationError(
                f"{where}: spikes is a list of PreprocessedSpikes. Received an item of "
                f"type {type(example).__name__}."
            )
        real_array(f"{where}: spike_times", example.spike_times)
    return examples


def calc_start_spikes(
    end_spikes: npt.NDArray[np.integer[Any]],
) -> npt.NDArray[np.integer[Any]]:
    """Returns the index of each neuron's first spike.

    Args:
        end_spikes: running total of spikes, of shape ``(neurons,)`` or
            ``(batch, neurons)``.

    Returns:
        An array of the same shape and type with the end of the previous neuron.
    """
    ends = real_array("calc_start_spikes: end_spikes", end_spikes)
    if ends.ndim not in (1, 2) or ends.dtype.kind not in "ui":
        raise ValidationError(
            "calc_start_spikes: end_spikes must be a 1-D or 2-D array of integers. "
            f"Got an array of shape {ends.shape} and type {ends.dtype}."
        )
    starts = np.zeros_like(ends)
    starts.flat[1:] = ends.flat[:-1]
    return starts
