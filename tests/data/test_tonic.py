"""Spikes from structured arrays in the format of the Tonic package."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ml_genn.data import (
    PreprocessedSpikes,
    preprocess_tonic_spikes,
    preprocess_tonic_spikes_separate,
)
from ml_genn.errors import ValidationError

ORDERING = ("x", "y", "t", "p")
DTYPE = np.dtype([("x", "<i2"), ("y", "<i2"), ("t", "<i8"), ("p", "?")])
SHAPE = (4, 3, 2)
EVENTS = np.array(
    [(3, 2, 5000, 1), (0, 0, 1000, 0), (0, 0, 500, 1), (1, 1, 2500, 0)], dtype=DTYPE
)
AUDIO = np.array(
    [(20, 699, 1), (1500, 0, 1), (10, 699, 1)],
    dtype=[("t", "<i8"), ("x", "<i2"), ("p", "<i2")],
)


def pairs(spikes: PreprocessedSpikes) -> list[tuple[int, float]]:
    counts = np.diff(spikes.end_spikes, prepend=0)
    ids = np.repeat(np.arange(counts.size), counts)
    return list(zip(ids.tolist(), spikes.spike_times.tolist(), strict=True))


def test_two_polarities() -> None:
    spikes = preprocess_tonic_spikes(EVENTS, ORDERING, SHAPE)
    assert spikes.end_spikes.shape == (24,)
    assert pairs(spikes) == [
        (0 + 2 * 0 + 8 * 0, 1.0),
        (1 + 2 * 0 + 8 * 0, 0.5),
        (0 + 2 * 1 + 8 * 1, 2.5),
        (1 + 2 * 3 + 8 * 2, 5.0),
    ]


def test_two_polarities_without_y() -> None:
    spikes = preprocess_tonic_spikes(EVENTS[["x", "t", "p"]], "xtp", (4, 1, 2))
    assert spikes.end_spikes.shape == (8,)
    assert pairs(spikes) == [(0, 1.0), (1, 0.5), (2, 2.5), (7, 5.0)]


def test_single_polarity_with_y_ignores_polarity() -> None:
    spikes = preprocess_tonic_spikes(EVENTS, ORDERING, (4, 3, 1))
    assert spikes.end_spikes.shape == (12,)
    assert pairs(spikes) == [(0, 0.5), (0, 1.0), (5, 2.5), (11, 5.0)]


def test_audio_has_only_channels() -> None:
    spikes = preprocess_tonic_spikes(AUDIO, ("t", "x", "p"), (700, 1, 1))
    assert spikes.end_spikes.shape == (700,)
    assert pairs(spikes) == [(0, 1.5), (699, 0.01), (699, 0.02)]


def test_a_single_polarity_needs_no_polarity_field() -> None:
    spikes = preprocess_tonic_spikes(AUDIO[["t", "x"]], ("t", "x", "p"), (700, 1, 1))
    assert pairs(spikes) == [(0, 1.5), (699, 0.01), (699, 0.02)]


def test_time_scale() -> None:
    spikes = preprocess_tonic_spikes(AUDIO, ("t", "x", "p"), (700, 1, 1), 0.5)
    assert pairs(spikes) == [(0, 750.0), (699, 5.0), (699, 10.0)]


def test_large_sensors_do_not_overflow_the_events_types() -> None:
    events = np.array([(639, 479, 1000, 1)], dtype=DTYPE)
    spikes = preprocess_tonic_spikes(events, ORDERING, (640, 480, 2))
    assert pairs(spikes) == [(640 * 480 * 2 - 1, 1.0)]


def test_no_events() -> None:
    for thresh in (None, 1):
        spikes = preprocess_tonic_spikes(
            EVENTS[:0], ORDERING, SHAPE, dt=1.0, histogram_thresh=thresh
        )
        assert spikes.end_spikes.tolist() == [0] * 24
        assert spikes.spike_times.size == 0


@pytest.mark.parametrize(
    ("thresh", "expected"),
    [
        (1, [(0, 0.0), (0, 2.0), (0, 6.0), (2, 0.0)]),
        (2, [(0, 0.0), (0, 2.0)]),
        (3, [(0, 2.0)]),
        (4, []),
    ],
)
def test_histogram(thresh: int, expected: list[tuple[int, float]]) -> None:
    times = [0, 1999, 2000, 2001, 3999, 6000, 100]
    x = [0, 0, 0, 0, 0, 0, 1]
    events = np.zeros(len(times), DTYPE)
    events["t"], events["x"] = times, x
    spikes = preprocess_tonic_spikes(events, ORDERING, SHAPE, 1e-3, 2.0, thresh)
    assert pairs(spikes) == expected


def test_histogram_bins_survive_rounding() -> None:
    events = np.zeros(200, DTYPE)
    events["t"] = np.arange(200) * 100
    spikes = preprocess_tonic_spikes(events, ORDERING, SHAPE, 1e-3, 0.1, 1)
    assert spikes.spike_times.tolist() == (np.arange(200) * 0.1).tolist()


def test_dt_alone_changes_nothing() -> None:
    spikes = preprocess_tonic_spikes(EVENTS, ORDERING, SHAPE, dt=2.0)
    assert pairs(spikes) == pairs(preprocess_tonic_spikes(EVENTS, ORDERING, SHAPE))


def test_separate_polarities() -> None:
    off, on = preprocess_tonic_spikes_separate(EVENTS, ORDERING, SHAPE)
    assert off.end_spikes.shape == on.end_spikes.shape == (12,)
    assert pairs(off) == [(0, 1.0), (5, 2.5)]
    assert pairs(on) == [(0, 0.5), (11, 5.0)]


def test_separate_histogram() -> None:
    events = np.concatenate([EVENTS, EVENTS[:1]])
    off, on = preprocess_tonic_spikes_separate(events, ORDERING, SHAPE, 1e-3, 2.0, 2)
    assert pairs(off) == []
    assert pairs(on) == [(11, 4.0)]


def test_separate_refuses_a_single_polarity() -> None:
    with pytest.raises(ValidationError) as error:
        preprocess_tonic_spikes_separate(EVENTS, ORDERING, (4, 3, 1))
    assert str(error.value) == (
        "preprocess_tonic_spikes_separate: the sensor must have several polarities. "
        "Got shape (4, 3, 1). Use preprocess_tonic_spikes for a single polarity."
    )


@pytest.mark.parametrize(
    "function", [preprocess_tonic_spikes, preprocess_tonic_spikes_separate]
)
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"ordering": ("x", "y", "t")},
            "ordering must contain 't', 'x' and 'p'. Got ('x', 'y', 't'), without 'p'.",
        ),
        ({"ordering": "y"}, "Got 'y', without 't', 'x', 'p'."),
        (
            {"events": EVENTS[["x", "t", "p"]]},
            "events must be a structured array with the fields 't', 'x', 'y', 'p'. "
            "Got an array with the fields 'x', 't', 'p'.",
        ),
        ({"events": np.zeros((3, 4))}, "Got an array with no named fields."),
        ({"shape": (4, 3)}, "shape must be (width, height, polarities). Got (4, 3)."),
        (
            {"shape": (4, 0, 2)},
            "the height in shape is a whole number of at least 1. Received 0.",
        ),
        (
            {"shape": (3, 3, 2)},
            "event field 'x' must lie in 0 to 2. Received 3 at index 0 (1 of 4 are "
            "outside). Pass the sensor size of the data set as shape.",
        ),
        (
            {"shape": (4, 2, 2)},
            "event field 'y' must lie in 0 to 1. Received 2 at index 0",
        ),
        (
            {"events": EVENTS.astype([(n, "<i8") for n in ORDERING]), "polarity": 2},
            "event field 'p' must lie in 0 to 1. Received 2 at index 0",
        ),
        ({"time_scale": 0.0}, "time_scale is greater than 0. Received 0.0."),
        ({"time_scale": None}, "time_scale is a finite number. Received None."),
        (
            {"time": -1},
            "times must be finite and non-negative [ms]. Got -0.001 at index 0",
        ),
        (
            {"histogram_thresh": 2},
            "histogram_thresh needs dt, the width of the bins [ms]. Got "
            "histogram_thresh=2 and dt=None.",
        ),
        (
            {"histogram_thresh": 0, "dt": 1.0},
            "histogram_thresh is greater than 0. Received 0.",
        ),
        ({"histogram_thresh": 1, "dt": 0.0}, "dt is greater than 0. Received 0.0."),
    ],
)
def test_refusals(function: Any, changes: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {
        "events": EVENTS,
        "ordering": ORDERING,
        "shape": SHAPE,
        **changes,
    }
    for name, field in (("polarity", "p"), ("time", "t")):
        if name in arguments:
            arguments["events"] = arguments["events"].copy()
            arguments["events"][field][0] = arguments.pop(name)
    with pytest.raises(ValidationError) as error:
        function(**arguments)
    assert str(error.value).startswith(f"{function.__name__}: ")
    assert message in str(error.value)
