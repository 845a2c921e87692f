"""Latency encoding of intensities."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ml_genn.data import (
    calc_latest_spike_time,
    linear_latency_encode_data,
    log_latency_encode_data,
)
from ml_genn.errors import DataWarning, ValidationError


def test_linear_worked_example() -> None:
    data = np.array([[0, 1, 51, 255], [0, 1, 0, 2]], dtype=np.uint8)
    first, second = linear_latency_encode_data(data, 20.0)
    assert first.end_spikes.tolist() == [0, 0, 1, 2]
    np.testing.assert_allclose(first.spike_times, [16.0, 0.0], atol=1e-12)
    assert second.end_spikes.tolist() == [0, 0, 0, 1]
    np.testing.assert_allclose(second.spike_times, [20.0 * 253 / 255])


def test_linear_spans_min_time_to_max_time() -> None:
    data = np.array([[0, 51, 255]], dtype=np.uint8)
    (spikes,) = linear_latency_encode_data(data, 18.0, 2.0, -1)
    np.testing.assert_allclose(spikes.spike_times, [18.0, 14.8, 2.0])


def test_linear_threshold_is_exclusive() -> None:
    (spikes,) = linear_latency_encode_data(np.array([[99, 100, 101]]), 1.0, 0.0, 100)
    assert spikes.end_spikes.tolist() == [0, 0, 1]


def test_log_worked_example() -> None:
    data = np.array([[0, 51, 52, 102, 255]], dtype=np.uint8)
    (spikes,) = log_latency_encode_data(data, 20.0, 51)
    assert spikes.end_spikes.tolist() == [0, 0, 1, 2, 3]
    expected = [20 * np.log(52), 20 * np.log(2), 20 * np.log(255 / 204)]
    np.testing.assert_allclose(spikes.spike_times, expected)


def test_log_is_when_a_leaky_integrator_passes_the_threshold() -> None:
    (spikes,) = log_latency_encode_data(np.array([[200.0]]), 20.0, 51.0)
    voltage = 200.0 * (1.0 - np.exp(-spikes.spike_times[0] / 20.0))
    assert voltage == pytest.approx(51.0)


def test_images_are_flattened_by_row() -> None:
    images = np.zeros((2, 3, 4), dtype=np.uint8)
    images[1, 2, 1] = 200
    empty, spikes = linear_latency_encode_data(images, 20.0)
    assert empty.end_spikes.tolist() == [0] * 12
    assert spikes.end_spikes.tolist() == [0] * 9 + [1] * 3


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float32, np.float64])
@pytest.mark.parametrize(
    "encode",
    [
        lambda x: linear_latency_encode_data(x, 20.0, 2.0),
        lambda x: log_latency_encode_data(x, 20.0, 51),
    ],
)
def test_types_agree(encode: Any, dtype: type) -> None:
    data = np.arange(256, dtype=np.uint8).reshape(4, 64)
    for spikes, expected in zip(encode(data.astype(dtype)), encode(data), strict=True):
        np.testing.assert_array_equal(spikes.end_spikes, expected.end_spikes)
        np.testing.assert_array_equal(spikes.spike_times, expected.spike_times)


def test_max_value_sets_the_scale() -> None:
    digits = np.array([[0.0, 4.0, 16.0]])
    (spikes,) = linear_latency_encode_data(digits, 8.0, thresh=0, max_value=16)
    assert spikes.spike_times.tolist() == [6.0, 0.0]
    (spikes,) = log_latency_encode_data(digits, 8.0, 3, max_value=16)
    assert spikes.end_spikes.tolist() == [0, 1, 2]


def test_booleans_with_max_value_one() -> None:
    (spikes,) = linear_latency_encode_data(
        np.array([[True, False]]), 5.0, 1.0, thresh=0, max_value=1
    )
    assert spikes.end_spikes.tolist() == [1, 1]
    assert spikes.spike_times.tolist() == [1.0]


def test_lists_and_empty_data() -> None:
    assert len(linear_latency_encode_data([[1, 2], [3, 4]], 5.0, max_value=4)) == 2
    assert linear_latency_encode_data(np.zeros((0, 28, 28)), 5.0) == []
    assert log_latency_encode_data(np.zeros((0, 28, 28)), 5.0, 1) == []


@pytest.mark.filterwarnings("ignore::ml_genn.errors.DataWarning")
@settings(deadline=None)
@given(
    arrays(np.float64, (3, 5), elements=st.floats(0.0, 255.0)),
    st.floats(0.0, 10.0),
    st.floats(0.0, 50.0),
)
def test_linear_times_stay_in_range_and_fall_with_intensity(
    data: np.ndarray[Any, Any], min_time: float, span: float
) -> None:
    for row, spikes in zip(
        data, linear_latency_encode_data(data, min_time + span, min_time), strict=True
    ):
        assert spikes.end_spikes.tolist() == np.cumsum(row > 1).tolist()
        times = spikes.spike_times
        assert np.all(times >= min_time)
        assert np.all(times <= (min_time + span) * (1 + 1e-12))
        order = np.argsort(row[row > 1])
        assert np.all(np.diff(times[order]) <= 0.0)


def bad(value: float, dtype: type = np.float64) -> np.ndarray[Any, Any]:
    data: np.ndarray[Any, Any] = np.full((3, 2, 2), 7, dtype=dtype)
    data[1, 0, 1] = value
    return data


@pytest.mark.parametrize(
    "encode",
    [
        lambda x, **kw: linear_latency_encode_data(x, 20.0, **kw),
        lambda x, **kw: log_latency_encode_data(x, 20.0, 51, **kw),
    ],
)
@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (
            bad(300.0),
            {},
            "data must lie in 0 to 255. Got 300.0 in example 1 (1 of 12 values are "
            "outside). Rescale the data, or pass max_value if they have another "
            "range.",
        ),
        (bad(-1), {}, "data must lie in 0 to 255. Got -1.0 in example 1"),
        (bad(np.nan), {}, "data must lie in 0 to 255. Got nan in example 1"),
        (bad(np.inf), {}, "data must lie in 0 to 255. Got inf in example 1"),
        (bad(-3, np.int8), {}, "data must lie in 0 to 255. Got -3 in example 1"),
        (bad(256, np.int64), {}, "data must lie in 0 to 255. Got 256 in example 1"),
        (
            bad(17),
            {"max_value": 16},
            "data must lie in 0 to 16. Got 17.0 in example 1",
        ),
        (
            np.zeros(784),
            {},
            "data must have the shape (examples, ...). Got (784,). Pass data[None] to "
            "encode a single example.",
        ),
        (bad(1) * 1j, {}, "data is a number or an array of numbers."),
        ([[1, 2], [3]], {}, "data is a number or an array of numbers."),
        (bad(1), {"max_value": 0}, "max_value is greater than 0. Received 0."),
    ],
)
def test_data_refusals(
    encode: Any, data: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError) as error:
        encode(data, **options)
    assert "_latency_encode_data: " in str(error.value)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ((1.0, 2.0), "Got min_time=2.0 and max_time=1.0."),
        ((1.0, -2.0), "Got min_time=-2.0 and max_time=1.0."),
        ((np.nan,), "max_time is a finite number. Received nan."),
        ((1.0, 0.0, "a"), "thresh is a finite number. Received 'a'."),
        ((1.0, 0.0, "3"), "thresh is a finite number. Received '3'."),
    ],
)
def test_linear_parameter_refusals(times: Any, message: str) -> None:
    with pytest.raises(ValidationError) as error:
        linear_latency_encode_data(np.zeros((1, 1)), *times)
    assert str(error.value).startswith("linear_latency_encode_data: ")
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ((0.0, 51), "tau_eff is greater than 0. Received 0.0."),
        (
            (20.0, -1),
            "thresh must not be negative, or spikes would come before time 0. Got -1.",
        ),
    ],
)
def test_log_parameter_refusals(parameters: Any, message: str) -> None:
    with pytest.raises(ValidationError) as error:
        log_latency_encode_data(np.zeros((1, 1)), *parameters)
    assert str(error.value) == f"log_latency_encode_data: {message}"


def test_data_on_the_wrong_scale_are_noticed_when_timesteps_are_computed() -> None:
    with pytest.warns(DataWarning, match="no value is above thresh=1"):
        spikes = linear_latency_encode_data(np.full((2, 4), 0.9), 20.0)
    with pytest.raises(ValidationError, match="values reach the threshold"):
        calc_latest_spike_time(spikes)


@pytest.mark.parametrize(
    ("encode", "values", "message"),
    [
        (
            lambda x: linear_latency_encode_data(x, 20.0),
            [0.0, 1.0],
            r"above thresh=1, .* from 0 to 1\. ",
        ),
        (
            lambda x: linear_latency_encode_data(x, 20.0, thresh=300, max_value=255),
            [0, 255],
            "above thresh=300.*from 0 to 255",
        ),
        (
            lambda x: linear_latency_encode_data(x, 20.0, thresh=0.1),
            [0.0, 1.0],
            "in the last 2% of the",
        ),
        (
            lambda x: log_latency_encode_data(x, 20.0, 51),
            [0.0, 1.0],
            "above thresh=51.*from 0 to 1",
        ),
        (
            lambda x: log_latency_encode_data(x, 20.0, 255),
            [0, 255],
            "above thresh=255.*from 0 to 255",
        ),
    ],
)
def test_values_out_of_scale_are_reported(
    encode: Any, values: Any, message: str
) -> None:
    with pytest.warns(DataWarning, match=message) as record:
        encode(np.array([values, values]))
    assert len(record) == 1
