"""Events of spikes, compared with a plain simulation of the spike source."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_genn.data import (
    EventStream,
    PreprocessedSpikes,
    batch_spikes,
    calc_start_spikes,
    check_spikes,
    encode_dense,
    encode_events,
    preprocess_spikes,
)
from ml_genn.errors import ValidationError

NUM_NEURONS = 5


def events(stream: EventStream) -> list[tuple[int, int]]:
    assert stream.steps.dtype == np.int32
    assert stream.ids.dtype == np.uint32
    assert stream.steps.shape == stream.ids.shape
    return list(zip(stream.steps.tolist(), stream.ids.tolist(), strict=True))


def simulate(
    spikes: PreprocessedSpikes, num_steps: int, dt: float
) -> list[tuple[int, int]]:
    """Play spikes as the source neurons do: one index per neuron, one spike a step."""
    start = calc_start_spikes(spikes.end_spikes).tolist()
    end = spikes.end_spikes.tolist()
    times = spikes.spike_times.tolist()
    emitted = []
    for step in range(num_steps):
        for neuron in range(len(end)):
            if start[neuron] != end[neuron] and step * dt >= times[start[neuron]]:
                emitted.append((step, neuron))
                start[neuron] += 1
    return emitted


def single(*times: float) -> PreprocessedSpikes:
    return preprocess_spikes(times, [0] * len(times), 1)


@pytest.mark.parametrize(
    ("times", "steps"),
    [
        ((1.0, 1.2, 1.4), [1, 2, 3]),
        ((2.5,), [3]),
        ((0.0,), [0]),
        ((0.0, 0.0, 0.0, 1.0, 5.0), [0, 1, 2, 3, 5]),
        ((8.5, 8.6, 8.7), [9]),
        ((9.0,), [9]),
        ((9.1, 10.0), []),
        ((), []),
    ],
)
def test_steps_of_one_neuron(times: tuple[float, ...], steps: list[int]) -> None:
    result = events(encode_events(single(*times), 10, 1.0))
    assert result == [(step, 0) for step in steps]


def test_events_come_by_step_then_neuron() -> None:
    spikes = preprocess_spikes([3.0, 1.0, 3.0, 1.0, 0.0], [0, 2, 1, 0, 2], 3)
    result = events(encode_events(spikes, 5, 1.0))
    assert result == [(0, 2), (1, 0), (1, 2), (3, 0), (3, 1)]


def test_postponed_spikes_do_not_leak_to_the_next_neuron() -> None:
    spikes = preprocess_spikes([7.0] * 4 + [0.0, 7.0], [0] * 4 + [1, 3], 4)
    result = events(encode_events(spikes, 9, 1.0))
    assert result == [(0, 1), (7, 0), (7, 3), (8, 0)]


@st.composite
def grid_spikes(draw: st.DrawFn) -> tuple[PreprocessedSpikes, int, float]:
    """Spikes on a grid four times finer than dt, all exact in binary."""
    dt = draw(st.sampled_from([0.25, 0.5, 1.0, 2.0]))
    num_steps = draw(st.integers(1, 20))
    cell = st.tuples(st.integers(0, NUM_NEURONS - 1), st.integers(0, 4 * num_steps + 8))
    pairs = draw(st.lists(cell, max_size=60))
    times = np.array([tick for _, tick in pairs], dtype=np.float64) * dt / 4
    ids = [neuron for neuron, _ in pairs]
    if draw(st.booleans()):
        times = times.astype(np.float32)
    return preprocess_spikes(times, ids, NUM_NEURONS), num_steps, dt


@settings(deadline=None, max_examples=400)
@given(grid_spikes())
def test_events_equal_the_simulation(
    case: tuple[PreprocessedSpikes, int, float],
) -> None:
    spikes, num_steps, dt = case
    assert events(encode_events(spikes, num_steps, dt)) == simulate(
        spikes, num_steps, dt
    )


def test_many_spikes_equal_the_simulation() -> None:
    rng = np.random.default_rng(1)
    times = (rng.integers(0, 2000, 4000) / 4).astype(np.float32)
    spikes = preprocess_spikes(times, rng.integers(0, 700, 4000), 700)
    assert events(encode_events(spikes, 500, 1.0)) == simulate(spikes, 500, 1.0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("dt", [0.1, 0.01, 0.3, 0.7, 1.1])
def test_times_on_a_step_belong_to_it_despite_rounding(dt: float, dtype: type) -> None:
    steps = np.arange(1000)
    sums = np.cumsum(np.full(1000, dt)) - dt
    for times in (steps * dt, sums):
        stream = encode_events(single(*times.astype(dtype)), 1000, dt)
        np.testing.assert_array_equal(stream.steps, steps)


@pytest.mark.parametrize("time", [0.31, 0.35, 0.4])
def test_times_after_a_step_wait_for_the_next(time: float) -> None:
    assert events(encode_events(single(time), 10, 0.1)) == [(4, 0)]


def test_long_examples() -> None:
    spikes = preprocess_spikes([99_999.0, 70_000.0, 5.0], [0, 1, 2], 3)
    result = events(encode_events(spikes, 100_000, 1.0))
    assert result == [(5, 2), (70_000, 1), (99_999, 0)]


def test_far_too_late_spikes_are_dropped_without_overflow() -> None:
    spikes = single(1.0, 1e30, 1e300)
    assert events(encode_events(spikes, 10, 1.0)) == [(1, 0)]


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint32, np.uint64])
def test_any_integer_type_of_end_spikes(dtype: type) -> None:
    spikes = PreprocessedSpikes(np.array([1, 1, 3], dtype), np.array([2.0, 1.0, 1.0]))
    check_spikes(spikes, 3, 3.0, "x")
    assert events(encode_events(spikes, 3, 1.0)) == [(1, 2), (2, 0), (2, 2)]


def test_input_is_not_changed() -> None:
    spikes = PreprocessedSpikes(np.array([1, 3]), np.array([2.0, 1.0, 1.0]))
    encode_events(spikes, 3, 1.0)
    check_spikes(spikes, 2, 3.0, "x")
    assert spikes.end_spikes.tolist() == [1, 3]
    assert spikes.spike_times.tolist() == [2.0, 1.0, 1.0]


def test_event_streams_are_frozen_and_compare_by_identity() -> None:
    stream = encode_events(single(1.0), 3, 1.0)
    assert stream == stream
    assert stream != encode_events(single(1.0), 3, 1.0)
    with pytest.raises(FrozenInstanceError):
        stream.steps = stream.steps  # type: ignore[misc]


@pytest.mark.parametrize(
    ("num_steps", "dt", "message"),
    [
        (0, 1.0, "num_steps is a whole number of at least 1. Received 0."),
        (1.5, 1.0, "num_steps is a whole number of at least 1. Received 1.5."),
        (5, 0.0, "dt is greater than 0. Received 0.0."),
        (5, np.nan, "dt is a finite number. Received nan."),
    ],
)
def test_encode_events_refusals(num_steps: Any, dt: float, message: str) -> None:
    with pytest.raises(ValidationError) as error:
        encode_events(single(1.0), num_steps, dt)
    assert str(error.value) == f"encode_events: {message}"


# --- encode_dense ---


def test_dense_worked_example() -> None:
    rows = [[0, 1, 0], [0, 0, 0], [1, 0, 1]]
    raster = np.array(rows)
    expected = [(0, 1), (2, 0), (2, 2)]
    for dtype in (bool, np.uint8, np.int64, np.float32):
        assert events(encode_dense(raster.astype(dtype))) == expected
        assert events(encode_dense(np.asfortranarray(raster.astype(dtype)))) == expected
    assert events(encode_dense(rows)) == expected


def test_counts_above_one_are_one_event() -> None:
    assert events(encode_dense(np.array([[3, 0], [0, 0.5]]))) == [(0, 0), (1, 1)]


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (3, 4)])
def test_dense_without_events(shape: tuple[int, int]) -> None:
    assert events(encode_dense(np.zeros(shape, bool))) == []


@settings(deadline=None)
@given(st.integers(1, 8), st.integers(1, 8), st.integers(0, 2**32 - 1))
def test_dense_round_trip(num_steps: int, num_neurons: int, seed: int) -> None:
    raster = np.random.default_rng(seed).random((num_steps, num_neurons)) < 0.3
    stream = encode_dense(raster)
    assert events(stream) == sorted(events(stream))
    back = np.zeros_like(raster)
    back[stream.steps, stream.ids] = True
    np.testing.assert_array_equal(back, raster)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        ([1, 0], "array must have the shape (steps, neurons). Got (2,)."),
        (
            [[1, 0], [0, -2]],
            "counts must not be negative or NaN. Got -2 in step 1 for neuron 1.",
        ),
        (
            [[1, np.nan]],
            "counts must not be negative or NaN. Got nan in step 0 for neuron 1.",
        ),
        (
            [["a"]],
            "array is a number or an array of numbers. Received [['a']] of type <U1.",
        ),
    ],
)
def test_dense_refusals(array: Any, message: str) -> None:
    with pytest.raises(ValidationError) as error:
        encode_dense(array)
    assert str(error.value) == f"encode_dense: {message}"


# --- check_spikes ---


def check(ends: Any, times: Any, num_neurons: int = 3, duration: float = 10.0) -> None:
    spikes = PreprocessedSpikes(np.array(ends), np.array(times))
    check_spikes(spikes, num_neurons, duration, "input 'x', example 7")


@pytest.mark.parametrize(
    ("ends", "times"),
    [
        ([0, 0, 0], []),
        ([1, 1, 2], [10.0, 0.0]),
        ([2, 4, 4], [1.0, 1.0, 0.0, 10.0]),
        ([0, 2, 3], [4.0, 5.0, 1.0]),
        ([0, 0, 3], [4.0, 4.0, 5.0]),
    ],
)
def test_good_spikes_pass(ends: list[int], times: list[float]) -> None:
    check(ends, times)


@pytest.mark.parametrize("steps", range(1, 60))
def test_duration_itself_passes_despite_rounding(steps: int) -> None:
    rounded = np.float32(steps / 10)
    check([1], [rounded], 1, steps * 0.1)
    check([1], [float(rounded)], 1, steps * 0.1)


@settings(deadline=None, max_examples=200)
@given(grid_spikes())
def test_preprocessed_spikes_pass(case: tuple[PreprocessedSpikes, int, float]) -> None:
    spikes, num_steps, dt = case
    check_spikes(spikes, NUM_NEURONS, (num_steps + 2) * dt, "x")


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.lists(st.integers(0, 4), max_size=4), min_size=3, max_size=3),
)
def test_order_is_checked_within_neurons_only(groups: list[list[int]]) -> None:
    ends = np.cumsum([len(group) for group in groups])
    times = np.array([time for group in groups for time in group], dtype=float)
    spikes = PreprocessedSpikes(ends, times)
    if all(group == sorted(group) for group in groups):
        check_spikes(spikes, 3, 4.0, "x")
    else:
        with pytest.raises(ValidationError, match="must ascend"):
            check_spikes(spikes, 3, 4.0, "x")


@pytest.mark.parametrize(
    ("ends", "times", "message"),
    [
        (
            [1, 2],
            [1.0, 2.0],
            "end_spikes must be 3 integers, one per neuron. Got an array of shape "
            "(2,) and type int64. Pass num_neurons=3 when the spikes are preprocessed.",
        ),
        ([[0, 0, 0]], [], "Got an array of shape (1, 3) and type int64."),
        ([0.0, 0.0, 1.0], [1.0], "Got an array of shape (3,) and type float64."),
        (["0"] * 3, [], "end_spikes is a number or an array of numbers."),
        ([0, 0, 1], ["a"], "spike_times is a number or an array of numbers."),
        (
            [0, 0, 1],
            [[1.0]],
            "spike_times must be 1-D. Received shape (1, 1).",
        ),
        (
            [2, 1, 2],
            [1.0, 2.0],
            "end_spikes must be running totals, so they must not fall. Got 1 for "
            "neuron 1 after 2. Make the spikes with preprocess_spikes.",
        ),
        ([-1, 1, 2], [1.0, 2.0], "must not fall. Got -1 for neuron 0 after 0."),
        (
            [1, 1, 2],
            [1.0, 2.0, 3.0],
            "the last of end_spikes must be the number of spike_times. Got 2 and 3 "
            "times. Make the spikes with preprocess_spikes.",
        ),
        ([0, 0, 1], [], "Got 1 and 0 times."),
        (
            [1, 1, 3],
            [1.0, np.nan, 3.0],
            "spike times must be finite and non-negative [ms]. Got nan for neuron 2 (1 "
            "of 3 spikes are wrong). Remove these spikes or shift all times.",
        ),
        (
            [1, 2, 2],
            [1.0, np.inf],
            "finite and non-negative [ms]. Got inf for neuron 1",
        ),
        ([1, 2, 2], [-0.5, 1.0], "finite and non-negative [ms]. Got -0.5 for neuron 0"),
        (
            [0, 3, 4],
            [1.0, 10.1, 11.0, 2.0],
            "spike times must not exceed the example's duration of 10.0 ms. Got 10.1 "
            "for neuron 1 (2 of 4 spikes are wrong). Lengthen the example "
            "(example_timesteps) to cover calc_latest_spike_time of the data, or "
            "remove the late spikes.",
        ),
        (
            [1, 1, 4],
            [9.0, 3.0, 5.0, 4.0],
            "the spike times of a neuron must ascend. Got 4.0 ms after 5.0 ms for "
            "neuron 2. Make the spikes with preprocess_spikes.",
        ),
        ([2, 2, 2], [1.0, 0.5], "Got 0.5 ms after 1.0 ms for neuron 0."),
    ],
)
def test_check_spikes_refusals(ends: Any, times: Any, message: str) -> None:
    with pytest.raises(ValidationError) as error:
        check(ends, times)
    assert str(error.value).startswith("input 'x', example 7: ")
    assert message in str(error.value)


def test_check_spikes_refuses_other_objects() -> None:
    with pytest.raises(ValidationError) as error:
        check_spikes(np.zeros(3), 3, 1.0, "input 'x', example 0")  # type: ignore[arg-type]
    assert str(error.value) == (
        "input 'x', example 0: an example must be PreprocessedSpikes. Got ndarray. "
        "Make it with preprocess_spikes."
    )


def test_check_spikes_refuses_a_batch() -> None:
    batch = batch_spikes([single(1.0), single(2.0)], 2)
    with pytest.raises(ValidationError, match=r"Got an array of shape \(2, 1\)"):
        check_spikes(batch, 1, 3.0, "x")
