"""Spikes grouped by neuron: preprocessing, batches and statistics."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_genn.data import (
    PreprocessedSpikes,
    batch_spikes,
    calc_latest_spike_time,
    calc_max_spikes,
    calc_start_spikes,
    preprocess_spikes,
)
from ml_genn.errors import ValidationError

NUM_NEURONS = 6

spike_lists = st.lists(
    st.tuples(
        st.integers(0, NUM_NEURONS - 1),
        st.floats(0.0, 1e6, allow_nan=False, width=32),
    ),
    max_size=40,
)


def group(pairs: list[tuple[int, float]]) -> PreprocessedSpikes:
    return preprocess_spikes(
        [time for _, time in pairs], [i for i, _ in pairs], NUM_NEURONS
    )


def ungroup(spikes: PreprocessedSpikes) -> list[tuple[int, float]]:
    """Neuron and time of each spike, read with the definition of end_spikes."""
    ends = [0, *spikes.end_spikes.tolist()]
    return [
        (neuron, time)
        for neuron in range(len(ends) - 1)
        for time in spikes.spike_times[ends[neuron] : ends[neuron + 1]].tolist()
    ]


def test_preprocess_spikes_worked_example() -> None:
    spikes = preprocess_spikes(
        np.array([5.0, 1.0, 3.0, 2.0, 1.0]), np.array([2, 0, 2, 0, 3]), 5
    )
    assert spikes.end_spikes.tolist() == [2, 2, 4, 5, 5]
    assert spikes.spike_times.tolist() == [1.0, 2.0, 3.0, 5.0, 1.0]


def test_fields_are_a_tuple_in_this_order() -> None:
    ends, times = preprocess_spikes([4.0], [1], 2)
    assert ends.tolist() == [0, 1]
    assert times.tolist() == [4.0]
    assert PreprocessedSpikes._fields == ("end_spikes", "spike_times")


def test_input_is_not_changed() -> None:
    times, ids = np.array([2.0, 1.0]), np.array([1, 0])
    spikes = preprocess_spikes(times, ids, 2)
    spikes.spike_times[:] = 9.0
    assert times.tolist() == [2.0, 1.0]
    assert ids.tolist() == [1, 0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_float_type_of_times_is_kept(dtype: type) -> None:
    assert preprocess_spikes(np.ones(1, dtype), [0], 1).spike_times.dtype == dtype


def test_integer_times_become_floats_and_whole_float_ids_pass() -> None:
    spikes = preprocess_spikes(np.array([7, 3]), np.array([1.0, 1.0]), 2)
    assert spikes.spike_times.dtype == np.float64
    assert spikes.spike_times.tolist() == [3.0, 7.0]
    assert spikes.end_spikes.tolist() == [0, 2]


def test_no_spikes() -> None:
    spikes = preprocess_spikes([], [], 3)
    assert spikes.end_spikes.tolist() == [0, 0, 0]
    assert spikes.spike_times.shape == (0,)


@settings(deadline=None)
@given(spike_lists)
def test_preprocess_spikes_round_trip(pairs: list[tuple[int, float]]) -> None:
    spikes = group(pairs)
    assert spikes.end_spikes.shape == (NUM_NEURONS,)
    assert ungroup(spikes) == sorted(pairs)


@pytest.mark.parametrize(
    ("times", "ids", "num_neurons", "message"),
    [
        (
            [1.0, 2.0, 3.0],
            [0, 701, 702],
            700,
            "preprocess_spikes: ids must lie in 0 to 699. Received 701 at index 1 "
            "(2 of 3 are outside). Raise num_neurons (now 700) or drop these spikes.",
        ),
        ([1.0], [-1], 4, "ids must lie in 0 to 3. Received -1 at index 0"),
        ([1.0], [4], 4, "ids must lie in 0 to 3. Received 4 at index 0"),
        ([1.0, 1.0], [1, 0.5], 4, "ids must be whole numbers. Received 0.5 at index 1"),
        ([1.0], [np.nan], 4, "ids must be whole numbers. Received nan at index 0"),
        ([1.0], [np.inf], 4, "ids must be whole numbers. Received inf at index 0"),
        ([1.0], [[0]], 4, "ids must be 1-D. Received shape (1, 1)."),
        ([1.0], ["a"], 4, "ids is a number or an array of numbers."),
        ([[1.0]], [0], 4, "times must be 1-D. Received shape (1, 1)."),
        ([1.0, 2.0], [0], 4, "must be equally long. Got 2 times and 1 ids."),
        ([1j], [0], 4, "times is a number or an array of numbers."),
        (
            [1.0, -0.5, -1.0],
            [0, 0, 0],
            4,
            "times must be finite and non-negative [ms]. Got -0.5 at index 1 (2 of 3 "
            "are wrong). Drop these spikes or shift all times.",
        ),
        ([np.nan], [0], 4, "finite and non-negative [ms]. Got nan at index 0"),
        ([np.inf], [0], 4, "finite and non-negative [ms]. Got inf at index 0"),
        ([[1.0], [1.0, 2.0]], [0, 1], 4, "times is a number or an array of numbers"),
        ([], [], 0, "num_neurons is a whole number of at least 1. Received 0."),
        ([], [], 2.5, "num_neurons is a whole number of at least 1. Received 2.5."),
        ([], [], True, "num_neurons is a whole number of at least 1. Received True."),
    ],
)
def test_preprocess_spikes_refuses(
    times: Any, ids: Any, num_neurons: Any, message: str
) -> None:
    with pytest.raises(ValidationError) as error:
        preprocess_spikes(times, ids, num_neurons)
    assert str(error.value).startswith("preprocess_spikes: ")
    assert message in str(error.value)


def test_max_spikes_counts_all_neurons_of_an_example() -> None:
    data = [group([]), group([(0, 1.0), (1, 1.0), (2, 3.0)]), group([(0, 2.0)])]
    assert calc_max_spikes(data) == 3
    assert calc_max_spikes(data[:1]) == 0


def test_max_spikes_needs_an_example() -> None:
    with pytest.raises(ValidationError) as error:
        calc_max_spikes([])
    assert str(error.value) == "calc_max_spikes: the data set has no examples."


def test_latest_spike_time_skips_empty_examples() -> None:
    data = [group([]), group([(0, 1.5), (0, 4.0), (3, 2.0)]), group([(0, 3.0)])]
    latest = calc_latest_spike_time(data)
    assert latest == 4.0
    assert type(latest) is float


@pytest.mark.parametrize("number", [0, 2])
def test_latest_spike_time_needs_a_spike(number: int) -> None:
    with pytest.raises(ValidationError) as error:
        calc_latest_spike_time([group([])] * number)
    assert str(error.value) == (
        "calc_latest_spike_time: at least one example must have a spike. Got "
        f"{number} examples, all without spikes. If the data were encoded, check "
        "that their values reach the threshold."
    )


def test_batch_spikes_worked_example() -> None:
    first = preprocess_spikes([1.0, 2.0, 3.0], [0, 0, 1], 2)
    second = preprocess_spikes([4.0], [1], 2)
    batch = batch_spikes([first, second], 4)
    assert batch.end_spikes.tolist() == [[2, 3], [3, 4], [4, 4], [4, 4]]
    assert batch.spike_times.tolist() == [1.0, 2.0, 3.0, 4.0]
    starts = calc_start_spikes(batch.end_spikes)
    assert starts.tolist() == [[0, 2], [3, 3], [4, 4], [4, 4]]


@settings(deadline=None)
@given(st.lists(spike_lists, min_size=1, max_size=5), st.integers(0, 3))
def test_batch_spikes_round_trip(
    examples: list[list[tuple[int, float]]], padding: int
) -> None:
    batch_size = len(examples) + padding
    batch = batch_spikes([group(pairs) for pairs in examples], batch_size)
    assert batch.end_spikes.shape == (batch_size, NUM_NEURONS)
    starts = calc_start_spikes(batch.end_spikes)
    padded = examples + [[]] * padding
    for row, pairs in enumerate(padded):
        result = [
            (neuron, time)
            for neuron in range(NUM_NEURONS)
            for time in batch.spike_times[
                starts[row, neuron] : batch.end_spikes[row, neuron]
            ].tolist()
        ]
        assert result == sorted(pairs)


def test_batch_spikes_leaves_examples_alone() -> None:
    first, second = group([(0, 1.0)]), group([(0, 2.0)])
    batch_spikes([first, second], 2)
    assert second.end_spikes.tolist() == [1] * NUM_NEURONS


@pytest.mark.parametrize(
    ("neurons", "batch_size", "message"),
    [
        ([], 4, "a batch of size 4 takes 1 to 4 examples. Got 0."),
        ([2, 2, 2], 2, "a batch of size 2 takes 1 to 2 examples. Got 3."),
        ([2, 2], 0, "batch_size is a whole number of at least 1. Received 0."),
        (
            [2, 2, 3],
            4,
            "examples must have 1-D end_spikes with equally many neurons. Got shape "
            "(2,) in example 0 and (3,) in example 2.",
        ),
    ],
)
def test_batch_spikes_refuses(
    neurons: list[int], batch_size: int, message: str
) -> None:
    data = [preprocess_spikes([], [], number) for number in neurons]
    with pytest.raises(ValidationError) as error:
        batch_spikes(data, batch_size)
    assert str(error.value) == f"batch_spikes: {message}"


def test_batch_spikes_refuses_a_batch_as_example() -> None:
    batch = batch_spikes([group([])], 2)
    with pytest.raises(ValidationError, match="must have 1-D end_spikes"):
        batch_spikes([batch], 2)


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint32])
def test_start_spikes_keeps_shape_and_type(dtype: type) -> None:
    starts = calc_start_spikes(np.array([2, 2, 5], dtype))
    assert starts.tolist() == [0, 2, 2]
    assert starts.dtype == dtype


@pytest.mark.parametrize(
    ("ends", "message"),
    [
        (np.zeros((1, 1, 1), int), "of shape (1, 1, 1) and type int64."),
        (np.zeros(3), "of shape (3,) and type float64."),
    ],
)
def test_start_spikes_refuses(ends: Any, message: str) -> None:
    with pytest.raises(ValidationError) as error:
        calc_start_spikes(ends)
    assert str(error.value) == (
        "calc_start_spikes: end_spikes must be a 1-D or 2-D array of integers. Got "
        f"an array {message}"
    )
