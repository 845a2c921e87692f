"""The Yin-Yang data set."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ml_genn.data import PreprocessedSpikes, generate_yin_yang_dataset
from ml_genn.errors import ValidationError

SIZE = 3000


def coordinates(spikes: list[PreprocessedSpikes]) -> np.ndarray[Any, Any]:
    return np.stack([example.spike_times for example in spikes])


def classify(x: float, y: float, small: float, big: float) -> int:
    """Independent, scalar description of the figure."""

    def distance(centre_x: float) -> float:
        return float(np.sqrt((x - centre_x) ** 2 + (y - big) ** 2))

    assert distance(big) <= big
    left, right = distance(0.5 * big), distance(1.5 * big)
    if left < small or right < small:
        return 2
    if left <= 0.5 * big:
        return 1
    if right <= 0.5 * big:
        return 0
    return 1 if y > big else 0


def test_channels_without_bias() -> None:
    spikes, labels = generate_yin_yang_dataset(50, 20.0, 3.0, bias=False, seed=1)
    assert len(spikes) == len(labels) == 50
    times = coordinates(spikes)
    assert times.shape == (50, 4)
    assert all(example.end_spikes.tolist() == [1, 2, 3, 4] for example in spikes)
    np.testing.assert_allclose(times[:, :2] + times[:, 2:], 2 * 3.0 + 20.0)
    assert times.min() >= 3.0
    assert times.max() <= 23.0


def test_bias_comes_first() -> None:
    with_bias, labels = generate_yin_yang_dataset(50, 20.0, 3.0, seed=1)
    without, same_labels = generate_yin_yang_dataset(50, 20.0, 3.0, False, seed=1)
    assert labels == same_labels
    times = coordinates(with_bias)
    assert np.all(times[:, 0] == 3.0)
    np.testing.assert_array_equal(times[:, 1:], coordinates(without))
    assert with_bias[0].end_spikes.tolist() == [1, 2, 3, 4, 5]


def test_examples_do_not_share_arrays() -> None:
    (first, second), _ = generate_yin_yang_dataset(2, 1.0, seed=0)
    first.end_spikes[:] = 0
    first.spike_times[:] = 0.0
    assert second.end_spikes.tolist() == [1, 2, 3, 4, 5]
    assert second.spike_times[1:].min() > 0.0


@pytest.mark.parametrize(("small", "big"), [(0.1, 0.5), (0.05, 0.3)])
def test_labels_follow_the_figure(small: float, big: float) -> None:
    spikes, labels = generate_yin_yang_dataset(
        SIZE, 1.0, 0.0, False, r_small=small, r_big=big, seed=2
    )
    points = coordinates(spikes)[:, :2]
    expected = [classify(x, y, small, big) for x, y in points]
    assert labels == expected
    assert all(type(label) is int for label in labels)


def test_classes_are_equally_likely() -> None:
    _, labels = generate_yin_yang_dataset(SIZE, 1.0, seed=3)
    counts = np.bincount(labels, minlength=3)
    deviation = np.sqrt(SIZE * (1 / 3) * (2 / 3))
    assert counts.shape == (3,)
    assert np.all(np.abs(counts - SIZE / 3) < 5 * deviation)


def test_points_are_uniform_within_a_class() -> None:
    """Both dots get half of class 2, and half of a dot is within r / sqrt(2)."""
    spikes, labels = generate_yin_yang_dataset(SIZE, 1.0, bias=False, seed=4)
    x, y = coordinates(spikes)[np.array(labels) == 2, :2].T
    left = x < 0.5
    radius = np.hypot(x - np.where(left, 0.25, 0.75), y - 0.5)
    tolerance = 5 * 0.5 / np.sqrt(x.size)
    assert abs(left.mean() - 0.5) < tolerance
    assert abs((radius < 0.1 / np.sqrt(2)).mean() - 0.5) < tolerance


def test_seed_fixes_the_data() -> None:
    first, labels = generate_yin_yang_dataset(20, 1.0, seed=5)
    again, same = generate_yin_yang_dataset(20, 1.0, seed=5)
    generator, also = generate_yin_yang_dataset(20, 1.0, seed=np.random.default_rng(5))
    other, _ = generate_yin_yang_dataset(20, 1.0, seed=6)
    assert labels == same == also
    np.testing.assert_array_equal(coordinates(first), coordinates(again))
    np.testing.assert_array_equal(coordinates(first), coordinates(generator))
    assert not np.array_equal(coordinates(first), coordinates(other))


def test_a_generator_moves_on() -> None:
    rng = np.random.default_rng(5)
    first, _ = generate_yin_yang_dataset(20, 1.0, seed=rng)
    second, _ = generate_yin_yang_dataset(20, 1.0, seed=rng)
    assert not np.array_equal(coordinates(first), coordinates(second))


def test_calls_without_a_seed_differ() -> None:
    """Also after ``numpy.random.seed``: the global generator has no influence."""
    np.random.seed(7)
    first, _ = generate_yin_yang_dataset(20, 1.0)
    np.random.seed(7)
    second, _ = generate_yin_yang_dataset(20, 1.0)
    assert not np.array_equal(coordinates(first), coordinates(second))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": 0}, "size is a whole number of at least 1. Received 0."),
        ({"scale": -1.0}, "scale is not negative. Received -1.0."),
        ({"offset": -1.0}, "offset is not negative. Received -1.0."),
        ({"offset": np.inf}, "offset is a finite number. Received inf."),
        (
            {"r_big": 0.6},
            "radii must satisfy 0 < r_big <= 0.5 and 0 < r_small < r_big / 2. Got "
            "r_small=0.1 and r_big=0.6.",
        ),
        (
            {"r_small": 0.25},
            "radii must satisfy 0 < r_big <= 0.5 and 0 < r_small < r_big / 2. Got "
            "r_small=0.25 and r_big=0.5.",
        ),
        (
            {"seed": -1},
            "seed is a whole number of at least 0. Received -1.",
        ),
        (
            {"seed": "a"},
            "seed is a whole number of at least 0. Received 'a'.",
        ),
    ],
)
def test_refusals(changes: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {"size": 5, "scale": 1.0, **changes}
    with pytest.raises(ValidationError) as error:
        generate_yin_yang_dataset(**arguments)
    assert str(error.value) == f"generate_yin_yang_dataset: {message}"
