"""Data sets in dictionaries of examples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_genn.data import (
    batch_dataset,
    get_dataset_size,
    permute_dataset,
    split_dataset,
)
from ml_genn.errors import ValidationError


def example_data(size: int) -> dict[str, Any]:
    return {
        "image": np.arange(2 * size).reshape(size, 2),
        "spikes": [f"example {i}" for i in range(size)],
    }


def test_size() -> None:
    assert get_dataset_size(example_data(4)) == 4
    assert get_dataset_size({"a": [], "b": np.zeros((0, 3))}) == 0


def test_size_is_none_without_a_common_length() -> None:
    assert get_dataset_size({"a": [1], "b": [1, 2]}) is None
    assert get_dataset_size({}) is None


@pytest.mark.parametrize(
    ("size", "split", "boundary"),
    [(10, 0.1, 9), (10, 0.0, 10), (10, 1.0, 0), (7, 0.5, 4), (3, 0.1, 3)],
)
def test_split(size: int, split: float, boundary: int) -> None:
    data = example_data(size)
    first, second = split_dataset(data, split)
    assert first["spikes"] == data["spikes"][:boundary]
    assert second["spikes"] == data["spikes"][boundary:]
    np.testing.assert_array_equal(first["image"], data["image"][:boundary])
    np.testing.assert_array_equal(second["image"], data["image"][boundary:])
    assert list(first) == list(second) == ["image", "spikes"]


@pytest.mark.parametrize("split", [-0.1, 1.1])
def test_split_refuses_a_fraction_out_of_range(split: float) -> None:
    with pytest.raises(ValidationError) as error:
        split_dataset(example_data(4), split)
    assert str(error.value) == (
        f"split_dataset: split is from 0 to 1. Received {split}."
    )


@pytest.mark.parametrize("split", [np.nan, None])
def test_split_refuses_what_is_not_a_number(split: Any) -> None:
    with pytest.raises(ValidationError) as error:
        split_dataset(example_data(4), split)
    assert str(error.value) == (
        f"split_dataset: split is a finite number. Received {split}."
    )


@pytest.mark.parametrize(
    ("data", "received"),
    [
        ({"a": [1, 2], "b": [1]}, "2 for 'a', 1 for 'b'"),
        ({}, "an empty data set"),
    ],
)
def test_unequal_lengths_are_refused(data: Any, received: str) -> None:
    message = f"all values must have equally many examples. Got {received}."
    with pytest.raises(ValidationError) as error:
        split_dataset(data, 0.5)
    assert str(error.value) == f"split_dataset: {message}"
    with pytest.raises(ValidationError) as error:
        permute_dataset(data, [0])
    assert str(error.value) == f"permute_dataset: {message}"


def test_batches() -> None:
    batches = batch_dataset(example_data(5), 2, 5)
    assert [batch["spikes"] for batch in batches] == [
        ["example 0", "example 1"],
        ["example 2", "example 3"],
        ["example 4"],
    ]
    assert [batch["image"].shape for batch in batches] == [(2, 2), (2, 2), (1, 2)]


def test_batches_stop_at_size() -> None:
    batches = batch_dataset(example_data(9), 2, 3)
    assert [len(batch["spikes"]) for batch in batches] == [2, 1]


@settings(deadline=None)
@given(st.integers(1, 30), st.integers(1, 12))
def test_batches_join_to_the_data(size: int, batch_size: int) -> None:
    data = example_data(size)
    batches = batch_dataset(data, batch_size, size)
    assert all(len(batch["spikes"]) == batch_size for batch in batches[:-1])
    assert [i for batch in batches for i in batch["spikes"]] == data["spikes"]
    joined = np.concatenate([batch["image"] for batch in batches])
    np.testing.assert_array_equal(joined, data["image"])


@pytest.mark.parametrize(
    ("batch_size", "size", "message"),
    [
        (0, 4, "batch_size is a whole number of at least 1. Received 0."),
        (2, 0, "size is a whole number of at least 1. Received 0."),
        (2, 5, "every value must have at least size=5 examples. Got 4 for 'image'."),
    ],
)
def test_batch_refusals(batch_size: int, size: int, message: str) -> None:
    with pytest.raises(ValidationError) as error:
        batch_dataset(example_data(4), batch_size, size)
    assert str(error.value) == f"batch_dataset: {message}"


def test_permute() -> None:
    data = example_data(3)
    permuted = permute_dataset(data, np.array([2, 0, 1]))
    assert permuted["spikes"] == ["example 2", "example 0", "example 1"]
    assert permuted["image"].tolist() == [[4, 5], [0, 1], [2, 3]]
    assert data["spikes"][0] == "example 0"


def test_permute_can_pick_and_repeat() -> None:
    assert permute_dataset(example_data(3), [1, 1])["spikes"] == ["example 1"] * 2
    assert permute_dataset(example_data(3), [])["spikes"] == []


@settings(deadline=None)
@given(st.permutations(range(8)))
def test_permuting_back_restores_the_data(order: list[int]) -> None:
    data = example_data(8)
    back = permute_dataset(permute_dataset(data, order), np.argsort(order))
    assert back["spikes"] == data["spikes"]
    np.testing.assert_array_equal(back["image"], data["image"])


@pytest.mark.parametrize(
    ("indices", "message"),
    [
        (
            [0, 3],
            "indices must lie in 0 to 2. Received 3 at index 1 (1 of 2 are outside). "
            "The data set has 3 examples.",
        ),
        (
            [-1],
            "indices must lie in 0 to 2. Received -1 at index 0 (1 of 1 are outside). "
            "The data set has 3 examples.",
        ),
        ([0.5], "indices must be whole numbers. Received 0.5 at index 0."),
        (
            [True, False, True],
            "indices must be example numbers. Got booleans. Pass "
            "numpy.flatnonzero(mask) to select with a mask.",
        ),
    ],
)
def test_permute_refusals(indices: Any, message: str) -> None:
    with pytest.raises(ValidationError) as error:
        permute_dataset(example_data(3), indices)
    assert str(error.value) == f"permute_dataset: {message}"
