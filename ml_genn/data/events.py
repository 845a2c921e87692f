"""Events: spikes of an example in order of time, the format that backends run."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ml_genn.data.spikes import PreprocessedSpikes
from ml_genn.errors import ValidationError
from ml_genn.model.batch import EventStream
from ml_genn.utils.checks import not_negative, positive, real_array, text, whole
from ml_genn.utils.time_steps import whole_steps

#: Relative excess of a spike time over the duration of an example, for rounding.
DURATION_TOLERANCE = 1e-6

ID_BITS = 32  #: bits of a neuron's index in a word with its step in the upper bits
ID_MASK = (1 << ID_BITS) - 1


def latest_allowed(duration: float) -> float:
    """Returns the latest time [ms] of spikes in an example.

    Args:
        duration: end of the example [ms].
    """
    return duration * (1.0 + DURATION_TOLERANCE)


def check_spikes(
    spikes: PreprocessedSpikes, num_neurons: int, duration: float, where: str
) -> None:
    """Raises an error if the spikes of an example are not valid.

    Args:
        spikes: the spikes of one example.
        num_neurons: number of neurons of the input.
        duration: end of the example [ms]; the latest time that a spike may have.
        where: start of error messages.

    Raises:
        ValidationError: if ``end_spikes`` does not fit the number of neurons or of
            times; if a time is negative, not finite or above ``duration``; or if the
            times of a neuron do not ascend.
    """
    where = text("check_spikes: where", where)
    num_neurons = whole(f"{where}: num_neurons", num_neurons, least=0)
    duration = not_negative(f"{where}: duration", duration)
    if not isinstance(spikes, PreprocessedSpikes):
        raise ValidationError(
            f"{where}: an example must be PreprocessedSpikes. Got "
            f"{type(spikes).__name__}. Make it with preprocess_spikes."
        )
    ends = real_array(f"{where}: end_spikes", spikes.end_spikes)
    times = real_array(f"{where}: spike_times", spikes.spike_times)
    check_groups(ends, times, num_neurons, where)
    if times.size:
        _check_times(ends, times, duration, where)
        _check_order(ends, times, where)


def encode_events(spikes: PreprocessedSpikes, num_steps: int, dt: float) -> EventStream:
    """Returns the spikes of one example as events.

    A spike at time ``s`` becomes an event of the first step ``n`` with
    ``n * dt >= s``. A neuron has at most one event per step; further ones are postponed
    to the next free step. Events of step ``num_steps`` or later are dropped, as they
    cannot reach a target within the example.

    Args:
        spikes: valid spikes of one example; see :func:`check_spikes`.
        num_steps: number of time steps of the example.
        dt: duration of a time step [ms].

    Raises:
        ValidationError: if an argument is not valid.
    """
    where = "encode_events"
    stop = whole(f"{where}: num_steps", num_steps)
    width = positive(f"{where}: dt", dt)
    if not isinstance(spikes, PreprocessedSpikes):
        raise ValidationError(
            f"{where}: spikes are PreprocessedSpikes. Received {type(spikes).__name__}."
        )
    ends = np.asarray(spikes.end_spikes, dtype=np.int64)
    counts = ends.copy()
    counts[1:] -= ends[:-1]
    ids = np.repeat(np.arange(ends.size), counts)
    steps = whole_steps(spikes.spike_times, width)
    steps = _postpone(np.minimum(steps, stop).astype(np.int64), ids)
    # Sorting words of step and neuron is faster than an indirect sort.
    events = np.sort((steps << ID_BITS) | ids)
    events = events[: np.searchsorted(events, stop << ID_BITS)]
    return EventStream(
        (events >> ID_BITS).astype(np.int32), (events & ID_MASK).astype(np.uint32)
    )


def encode_dense(array: npt.ArrayLike) -> EventStream:
    """Returns a raster as events.

    Args:
        array: booleans or counts of shape ``(steps, neurons)``; each count above 0
            becomes one event.

    Raises:
        ValidationError: if the array is not 2-D, or a value is negative or NaN.
    """
    where = "encode_dense"
    raster = real_array(f"{where}: array", array)
    if raster.ndim != 2:
        raise ValidationError(
            f"{where}: array must have the shape (steps, neurons). Got {raster.shape}."
        )
    if raster.dtype.kind in "if" and raster.size and not raster.min() >= 0:
        step, neuron = np.argwhere(~(raster >= 0))[0]
        raise ValidationError(
            f"{where}: counts must not be negative or NaN. Got "
            f"{raster[step, neuron]} in step {step} for neuron {neuron}."
        )
    flat = np.flatnonzero(raster if raster.dtype.kind == "b" else raster > 0)
    steps, ids = np.divmod(flat, max(raster.shape[1], 1))
    return EventStream(steps.astype(np.int32), ids.astype(np.uint32))


def _postpone(
    steps: npt.NDArray[np.int64], ids: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Moves spikes of a neuron to different steps, each as early as possible.

    The new step of spike k is n[k] = max(step[k], n[k-1] + 1). Therefore n[k] - k is
    the running maximum of step[k] - k. An offset that grows with the neuron's index
    makes the running maximum restart at each neuron.

    Args:
        steps: steps of spikes, ascending for each neuron.
        ids: neurons of spikes, ascending.
    """
    if not steps.size:
        return steps
    position = np.arange(steps.size)
    offset = ids * (steps.size + int(steps.max()) + 1) - position
    running: npt.NDArray[np.int64] = np.maximum.accumulate(steps + offset)
    return running - offset


def check_groups(
    ends: npt.NDArray[Any], times: npt.NDArray[Any], num_neurons: int, where: str
) -> None:
    """Raises ValidationError if running totals do not fit neurons or spikes.

    Args:
        ends: running total of spikes over neurons.
        times: times of all spikes.
        num_neurons: number of neurons of the input.
        where: start of error messages.
    """
    if ends.shape != (num_neurons,) or ends.dtype.kind not in "ui":
        raise ValidationError(
            f"{where}: end_spikes must be {num_neurons} integers, one per neuron. Got "
            f"an array of shape {ends.shape} and type {ends.dtype}. Pass "
            f"num_neurons={num_neurons} when the spikes are preprocessed."
        )
    if times.ndim != 1:
        raise ValidationError(
            f"{where}: spike_times must be 1-D. Received shape {times.shape}."
        )
    falls = np.flatnonzero(np.diff(ends.astype(np.int64), prepend=0) < 0)
    if falls.size:
        neuron = falls[0]
        previous = ends[neuron - 1] if neuron else 0
        raise ValidationError(
            f"{where}: end_spikes must be running totals, so they must not fall. Got "
            f"{ends[neuron]} for neuron {neuron} after {previous}. Make the spikes "
            "with preprocess_spikes."
        )
    last = int(ends[-1]) if ends.size else 0
    if last != times.size:
        raise ValidationError(
            f"{where}: the last of end_spikes must be the number of spike_times. Got "
            f"{last} and {times.size} times. Make the spikes with preprocess_spikes."
        )


def _check_times(
    ends: npt.NDArray[Any], times: npt.NDArray[Any], duration: float, where: str
) -> None:
    limit = latest_allowed(duration)
    if times.min() >= 0 and times.max() <= limit:
        return
    wrong = np.flatnonzero(~(np.isfinite(times) & (times >= 0)))
    if wrong.size:
        rule = "spike times must be finite and non-negative [ms]"
        fix = "Remove these spikes or shift all times."
    else:
        wrong = np.flatnonzero(times > limit)
        rule = f"spike times must not exceed the example's duration of {duration} ms"
        fix = (
            "Lengthen the example (example_timesteps) to cover "
            "calc_latest_spike_time of the data, or remove the late spikes."
        )
    raise ValidationError(
        f"{where}: {rule}. Got {times[wrong[0]]} for neuron {_owner(ends, wrong[0])} "
        f"({wrong.size} of {times.size} spikes are wrong). {fix}"
    )


def _check_order(ends: npt.NDArray[Any], times: npt.NDArray[Any], where: str) -> None:
    falls = times[1:] < times[:-1]
    inner = ends[(ends > 0) & (ends < times.size)]
    falls[inner.astype(np.intp) - 1] = False
    if falls.any():
        index = int(np.argmax(falls))
        raise ValidationError(
            f"{where}: the spike times of a neuron must ascend. Got "
            f"{times[index + 1]} ms after {times[index]} ms for neuron "
            f"{_owner(ends, index)}. Make the spikes with preprocess_spikes."
        )


def _owner(ends: npt.NDArray[Any], index: int) -> int:
    """Returns the neuron of the spike with an index."""
    return int(np.searchsorted(ends, index, side="right"))
