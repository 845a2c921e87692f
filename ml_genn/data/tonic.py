"""Spikes from events in structured arrays, the format of the Tonic package."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ml_genn.data.spikes import PreprocessedSpikes, check_times, group_spikes
from ml_genn.errors import ValidationError
from ml_genn.utils.checks import (
    LARGEST_INT32,
    as_array,
    check_range,
    items,
    positive,
    shown,
    text,
    whole,
    whole_numbers,
)

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.int64]

# Fraction of a bin by which an event may precede the bin's start and still count to it,
# so that 0.3 ms is in bin 3 of 0.1 ms although 0.3 / 0.1 rounds to less than 3.
BIN_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class _Events:
    """Valid events of a sensor.

    Args:
        where: start of error messages.
        times: times [ms].
        pixel: x + y * width.
        polarity: polarities; None if there is only one.
        num_pixels: width * height.
        num_polarities: number of polarities.
    """

    where: str
    times: Floats
    pixel: Ints
    polarity: Ints | None
    num_pixels: int
    num_polarities: int


@dataclass(frozen=True, slots=True)
class _Histogram:
    """Bins of ``dt`` [ms] with at least ``thresh`` events become a spike each."""

    dt: float
    thresh: float


def preprocess_tonic_spikes(
    events: npt.NDArray[Any],
    ordering: Sequence[str],
    shape: Sequence[int],
    time_scale: float = 1.0 / 1000.0,
    dt: float | None = None,
    histogram_thresh: float | None = None,
) -> PreprocessedSpikes:
    """Groups the events of one Tonic example by neuron.

    The neuron is ``x + y * width`` for a single polarity and
    ``p + polarities * (x + y * width)`` for several; ``y`` is 0 if ``ordering`` has
    no "y". There are ``width * height * polarities`` neurons.

    Args:
        events: structured array with the fields that ``ordering`` names.
        ordering: names of the fields: "t", "x", "p" and optionally "y".
        shape: sensor size as (width, height, polarities).
        time_scale: factor from the events' time unit to ms; by default 1/1000, for
            events in microseconds.
        dt: width of the histogram's bins [ms], required with ``histogram_thresh``; None
            by default.
        histogram_thresh: the events of each neuron are counted in bins of width ``dt``,
            and each bin with at least this number has one spike at its start. None
            (default): each event is a spike.

    Raises:
        ValidationError: if fields are missing, or a coordinate or a time is out of
            range.
    """
    data = _read_events("preprocess_tonic_spikes", events, ordering, shape, time_scale)
    histogram = _histogram(data.where, dt, histogram_thresh)
    ids = data.pixel
    if data.polarity is not None:
        ids = data.polarity + ids * data.num_polarities
    num_neurons = data.num_pixels * data.num_polarities
    return _group(data.times, ids, num_neurons, histogram)


def preprocess_tonic_spikes_separate(
    events: npt.NDArray[Any],
    ordering: Sequence[str],
    shape: Sequence[int],
    time_scale: float = 1.0 / 1000.0,
    dt: float | None = None,
    histogram_thresh: float | None = None,
) -> list[PreprocessedSpikes]:
    """Groups the events of one Tonic example by polarity and neuron.

    Args:
        events: structured array with the fields that ``ordering`` names.
        ordering: names of the fields: "t", "x", "p" and optionally "y".
        shape: sensor size as (width, height, polarities).
        time_scale: factor from the events' time unit to ms; by default 1/1000, for
            events in microseconds.
        dt: width of the histogram's bins [ms], see :func:`preprocess_tonic_spikes`;
            None by default.
        histogram_thresh: smallest number of events of a bin with a spike; None
            (default): each event is a spike.

    Returns:
        One item per polarity, each with ``width * height`` neurons.

    Raises:
        ValidationError: as for :func:`preprocess_tonic_spikes`, and if there is only
            one polarity.
    """
    data = _read_events(
        "preprocess_tonic_spikes_separate", events, ordering, shape, time_scale
    )
    histogram = _histogram(data.where, dt, histogram_thresh)
    if data.polarity is None:
        raise ValidationError(
            f"{data.where}: the sensor must have several polarities. Got shape "
            f"{tuple(shape)}. Use preprocess_tonic_spikes for a single polarity."
        )
    masks = [data.polarity == p for p in range(data.num_polarities)]
    return [
        _group(data.times[mask], data.pixel[mask], data.num_pixels, histogram)
        for mask in masks
    ]


def _read_events(
    where: str,
    events: npt.NDArray[Any],
    ordering: Sequence[str],
    shape: Sequence[int],
    time_scale: float,
) -> _Events:
    """Checks events; converts coordinates to pixel numbers and times to ms."""
    listed = list(ordering) if isinstance(ordering, str) else ordering
    names = [text(f"{where}: ordering", n) for n in items(f"{where}: ordering", listed)]
    missing = [name for name in ("t", "x", "p") if name not in names]
    if missing:
        raise ValidationError(
            f"{where}: ordering must contain 't', 'x' and 'p'. Got {shown(ordering)}, "
            f"without {_listing(missing)}."
        )
    width, height, num_polarities = _sensor_size(where, shape)
    scale = positive(f"{where}: time_scale", time_scale)
    used = ["t", "x"] + ["y"] * ("y" in names) + ["p"] * (num_polarities > 1)
    fields = as_array(f"{where}: events", events).dtype.names or ()
    missing = [name for name in used if name not in fields]
    if missing:
        received = f"the fields {_listing(fields)}" if fields else "no named fields"
        raise ValidationError(
            f"{where}: events must be a structured array with the fields "
            f"{_listing(used)}. Got an array with {received}."
        )
    pixel = _coordinate(where, events, "x", width)
    if "y" in names:
        pixel = pixel + width * _coordinate(where, events, "y", height)
    several = num_polarities > 1
    return _Events(
        where=where,
        times=check_times(np.asarray(events["t"], dtype=np.float64) * scale, where),
        pixel=pixel,
        polarity=_coordinate(where, events, "p", num_polarities) if several else None,
        num_pixels=width * height,
        num_polarities=num_polarities,
    )


def _sensor_size(where: str, shape: Sequence[int]) -> tuple[int, int, int]:
    shape = tuple(items(f"{where}: shape", shape))
    if len(shape) != 3:
        raise ValidationError(
            f"{where}: shape must be (width, height, polarities). Got {shown(shape)}."
        )
    width, height, num_polarities = shape
    return (
        whole(f"{where}: the width in shape", width),
        whole(f"{where}: the height in shape", height),
        whole(f"{where}: the number of polarities in shape", num_polarities),
    )


def _coordinate(where: str, events: npt.NDArray[Any], name: str, stop: int) -> Ints:
    field = f"{where}: event field '{name}'"
    values = whole_numbers(field, events[name])
    fix = "Pass the sensor size of the data set as shape."
    check_range(field, values, stop, fix)
    return values


def _histogram(
    where: str, dt: float | None, histogram_thresh: float | None
) -> _Histogram | None:
    if histogram_thresh is None:
        if dt is not None:
            positive(f"{where}: dt", dt)
        return None
    thresh = positive(f"{where}: histogram_thresh", histogram_thresh)
    if dt is None:
        raise ValidationError(
            f"{where}: histogram_thresh needs dt, the width of the bins [ms]. Got "
            f"histogram_thresh={shown(histogram_thresh)} and dt=None."
        )
    return _Histogram(positive(f"{where}: dt", dt), thresh)


def _group(
    times: Floats, ids: Ints, num_neurons: int, histogram: _Histogram | None
) -> PreprocessedSpikes:
    if histogram is not None and times.size:
        bins = _bins(times, histogram.dt)
        num_bins = int(bins.max()) + 1
        cells, counts = np.unique(ids * num_bins + bins, return_counts=True)
        ids, bins = np.divmod(cells[counts >= histogram.thresh], num_bins)
        times = bins * histogram.dt
    return group_spikes(times, ids, num_neurons)


def _bins(times: Floats, dt: float) -> Ints:
    """Returns the bin of each event.

    Raises:
        ValidationError: if there are more bins than a C integer counts.
    """
    bins = np.floor(times / dt + BIN_TOLERANCE)
    if bins.max() >= LARGEST_INT32:
        raise ValidationError(
            f"The histogram of events has at most {LARGEST_INT32} bins. Received times "
            f"of up to {times.max()} ms for dt={dt} ms. Use a larger dt."
        )
    numbers: Ints = bins.astype(np.int64)
    return numbers


def _listing(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names)
