"""Random numbers in code strings: how they are distributed, and what they belong to."""

from __future__ import annotations

from functools import cache
from math import erf, sqrt
from typing import Any

import numpy as np
import pytest
from engine.helpers import EXAMPLES, Bool, Float, run_one

DICE: dict[str, Any] = {
    "vars": [("u", "scalar"), ("n", "scalar"), ("e", "scalar"), ("fired", "scalar")],
    "sim_code": """
        u = gennrand_uniform();
        n = $(gennrand_normal);
        e = gennrand_exponential();
        """,
    "threshold_condition_code": "u < 0.25",
    "reset_code": "fired = gennrand_uniform();",
}


@cache
def dice(
    batch_size: int = 7, num_threads: int = 1, seed: int = 0
) -> tuple[Bool, dict[str, Float]]:
    return run_one(
        DICE,
        ("u", "n", "e", "fired"),
        size=20,
        steps=200,
        examples=EXAMPLES,
        batch_size=batch_size,
        num_threads=num_threads,
        seed=seed,
    )


def largest_gap(sample: np.ndarray, distribution: Any) -> float:
    """Kolmogorov's distance between a sample and a distribution, times sqrt(n)."""
    values = np.sort(sample.ravel())
    expected = np.array([distribution(v) for v in values])
    ranks = np.arange(len(values) + 1) / len(values)
    gap = max(np.max(ranks[1:] - expected), np.max(expected - ranks[:-1]))
    return float(gap * sqrt(len(values)))


@pytest.mark.parametrize(
    ("name", "distribution"),
    [
        ("u", lambda v: min(max(v, 0.0), 1.0)),
        ("n", lambda v: 0.5 * (1.0 + erf(v / sqrt(2.0)))),
        ("e", lambda v: 1.0 - np.exp(-v)),
    ],
)
def test_random_numbers_are_distributed_as_they_should(
    name: str, distribution: Any
) -> None:
    """The distance is above 1.95 for one in a thousand samples; the seed is fixed."""
    sample = dice()[1][name]
    assert len(np.unique(sample)) > 0.99 * sample.size
    assert largest_gap(sample, distribution) < 1.95


@pytest.mark.parametrize("name", ["u", "n", "e"])
def test_random_numbers_do_not_depend_on_each_other(name: str) -> None:
    """Neither between examples, steps and neurons, nor between draws of a step."""
    sample = dice()[1][name].astype(np.float64)
    other = dice()[1]["n" if name == "u" else "u"].astype(np.float64)
    pairs = [(sample, other)]
    for axis in (0, 1, 2):
        moved = np.moveaxis(sample, axis, 0)
        pairs.append((moved[1:], moved[:-1]))
    for first, second in pairs:
        correlation = np.corrcoef(first.ravel(), second.ravel())[0, 1]
        assert abs(correlation) < 4.0 / sqrt(first.size)


def test_random_numbers_decide_spikes_and_resets() -> None:
    spikes, recordings = dice()
    np.testing.assert_array_equal(spikes, recordings["u"] < 0.25)
    selected = recordings["fired"][spikes]
    assert largest_gap(selected, lambda v: v) < 1.95
    drawn_before = recordings["u"][spikes]
    correlation = np.corrcoef(selected, drawn_before)[0, 1]
    assert abs(correlation) < 4.0 / sqrt(selected.size)


@pytest.mark.parametrize(
    ("batch_size", "num_threads"), [(7, 2), (7, 3), (3, 1), (2, 2), (1, 1)]
)
def test_random_numbers_belong_to_examples(batch_size: int, num_threads: int) -> None:
    """Not to threads, nor to how examples are put into batches."""
    spikes, recordings = dice(batch_size, num_threads)
    np.testing.assert_array_equal(spikes, dice()[0])
    for name, values in dice()[1].items():
        np.testing.assert_array_equal(recordings[name], values)


def test_random_numbers_belong_to_the_seed() -> None:
    correlation = np.corrcoef(dice()[1]["n"].ravel(), dice(seed=1)[1]["n"].ravel())[
        0, 1
    ]
    assert abs(correlation) < 0.03


def test_random_condition() -> None:
    """A condition may draw the number that it compares."""
    model = {
        "vars": [("V", "scalar")],
        "sim_code": "V = 1;",
        "threshold_condition_code": "gennrand_uniform() < 0.25",
    }
    spikes, _ = run_one(model, (), size=20, steps=200)
    assert abs(spikes.mean() - 0.25) < 4.0 * sqrt(0.25 * 0.75 / spikes.size)
