"""Filters of examples and neurons in recorders."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ml_genn import Network, Population
from ml_genn.callbacks import SpikeRecorder, VarRecorder
from ml_genn.errors import ValidationError
from ml_genn.utils.filter import ExampleFilter, get_neuron_filter_mask


# ---------------------------------------------------------------- examples
@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (None, [0, 1, 2, 3, 4, 5]),
        (3, [3]),
        (np.int64(2), [2]),
        ([4, 1], [1, 4]),
        (range(2, 4), [2, 3]),
        ((0, 0, 5), [0, 5]),
        ([True, False, True], [0, 2]),
        (np.array([False] * 6), []),
        ([], []),
        (100, []),
    ],
)
def test_examples(selection: Any, expected: list[int]) -> None:
    mask = ExampleFilter(selection).mask(0, 6)
    assert mask.dtype == bool
    assert np.flatnonzero(mask).tolist() == expected


def test_examples_are_counted_over_batches() -> None:
    selection = ExampleFilter([0, 5, 6])
    masks = [selection.get_batch_mask(batch, 4).tolist() for batch in range(3)]
    assert masks == [
        [True, False, False, False],
        [False, True, True, False],
        [False] * 4,
    ]
    assert selection.mask(5, 2).tolist() == [True, True]


@pytest.mark.parametrize(
    "wrong", [-1, 1.5, "a", [[1]], True, {1, 2}, [[1], [1, 2]], [0, -3], np.ones(3)]
)
def test_invalid_example_filters_are_refused(wrong: Any) -> None:
    with pytest.raises(ValidationError, match=r"^example_filter"):
        ExampleFilter(wrong)


# ---------------------------------------------------------------- neurons
@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (None, [0, 1, 2, 3, 4]),
        (3, [3]),
        (-1, [4]),
        (np.int32(2), [2]),
        ([0, 4], [0, 4]),
        ((2,), [2]),
        (slice(1, 4, 2), [1, 3]),
        (range(2), [0, 1]),
        ([], []),
        ([True, False, False, True, False], [0, 3]),
    ],
)
def test_neurons_of_one_dimension(selection: Any, expected: list[int]) -> None:
    mask = get_neuron_filter_mask(selection, (5,))
    assert mask.shape == (5,)
    assert np.flatnonzero(mask).tolist() == expected


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (None, [0, 1, 2, 3, 4, 5]),
        ((0, 1), [1]),
        ((1, slice(None)), [3, 4, 5]),
        ((slice(None), 2), [2, 5]),
        (([0, 1], [0, 2]), [0, 5]),
        (np.array([[True, False, False], [False, False, True]]), [0, 5]),
    ],
)
def test_neurons_of_two_dimensions(selection: Any, expected: list[int]) -> None:
    mask = get_neuron_filter_mask(selection, (2, 3))
    assert mask.shape == (6,)
    assert np.flatnonzero(mask).tolist() == expected


@pytest.mark.parametrize(
    ("selection", "shape", "message"),
    [
        (5, (5,), r"shape \(5,\): index 5 is out of bounds"),
        (1.5, (5,), "indices are whole numbers. Received 1.5"),
        ("a", (5,), "indices are whole numbers. Received 'a'"),
        ([[0], [1, 2]], (5,), "indices are whole numbers"),
        ([True] * 4, (5,), r"flags have that shape. Received shape \(4,\)"),
        ([True] * 6, (2, 3), r"flags have that shape. Received shape \(6,\)"),
        (True, (5,), r"flags have that shape. Received shape \(\)"),
        (1, (2, 3), "a tuple with one entry for each dimension"),
        ([0, 1], (2, 3), "a tuple with one entry for each dimension"),
        (slice(1), (2, 3), "a tuple with one entry for each dimension"),
        ((0, 1), (5,), "a tuple with one entry for each dimension"),
        ((0, 3), (2, 3), "out of bounds"),
        ((0, "a"), (2, 3), "indices are whole numbers"),
    ],
)
def test_neuron_filters_of_another_shape_are_refused(
    selection: Any, shape: tuple[int, ...], message: str
) -> None:
    with pytest.raises(ValidationError, match=f"^neuron_filter.*{message}"):
        get_neuron_filter_mask(selection, shape)


# ---------------------------------------------------------------- recorders
def test_recorders_refuse_bad_arguments_at_once() -> None:
    with Network() as network:
        silent = Population("spike_input", 2, name="in")
    assert network.populations == [silent]
    with pytest.raises(ValidationError, match="'in' with record_spikes=True"):
        SpikeRecorder(silent)
    with pytest.raises(ValidationError, match=r"^example_filter"):
        VarRecorder(silent, "v", example_filter=-1)
    with pytest.raises(ValidationError, match="either var or genn_var"):
        VarRecorder(silent)
    with pytest.raises(ValidationError, match="either var or genn_var"):
        VarRecorder(silent, "v", genn_var="V")
    with pytest.raises(ValidationError, match="Expected a Population"):
        SpikeRecorder("in")
