"""The Yin-Yang data set (Kriener, Goeltz and Petrovici, 2022)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ml_genn.data.spikes import PreprocessedSpikes
from ml_genn.errors import ValidationError
from ml_genn.utils.checks import LARGEST_SEED, flag, not_negative, number, shown, whole

Floats = npt.NDArray[np.float64]

YANG = 0
YIN = 1
DOTS = 2

#: Radius of dots, as a fraction of that of the disc, below which points of dots are not
#: drawn by rejection: only one in 4,000 points of the square would be accepted.
SMALLEST_REJECTED = 0.01


def generate_yin_yang_dataset(
    size: int,
    scale: float,
    offset: float = 0.0,
    bias: bool = True,
    r_small: float = 0.1,
    r_big: float = 0.5,
    *,
    seed: int | np.random.Generator | None = None,
) -> tuple[list[PreprocessedSpikes], list[int]]:
    """Draws points of the Yin-Yang figure, encoded as spike times.

    A class is drawn for each example, all three being equally likely, then a point
    uniformly from that class's part of the disc. Each channel has one spike at
    ``offset + scale * value``; the channels' values are 0 (the bias channel),
    ``x``, ``y``, ``1 - x`` and ``1 - y``. The disc touches both axes.

    Reference: L. Kriener, J. Goeltz, M. A. Petrovici, "The Yin-Yang dataset", NICE
    2022, doi:10.1145/3517343.3517380. The bias channel is an addition.

    Args:
        size: number of examples.
        scale: difference [ms] between the times of the values 1 and 0.
        offset: time [ms] of the value 0; 0 by default.
        bias: True (default) for a bias channel, which is channel 0.
        r_small: radius of the dots; 0.1 by default, less than half of ``r_big``.
        r_big: radius of the disc; 0.5 by default, and not above it.
        seed: seed or random generator; None (default) for other numbers in each call.

    Returns:
        The spikes, and the labels (0 is yang, 1 is yin, 2 are the dots).

    Raises:
        ValidationError: if a parameter is out of range.
    """
    where = "generate_yin_yang_dataset"
    count = whole(f"{where}: size", size)
    span = not_negative(f"{where}: scale", scale)
    start = not_negative(f"{where}: offset", offset)
    small, big = _radii(r_small, r_big, where)
    rng = _generator(seed, where)
    labels = rng.integers(3, size=count)
    points = np.empty((count, 2))
    for label in (YANG, YIN, DOTS):
        of_class = labels == label
        points[of_class] = _sample(rng, label, int(of_class.sum()), small, big)
    values = [points, 1.0 - points]
    if flag(f"{where}: bias", bias):
        values.insert(0, np.zeros((count, 1)))
    times = start + span * np.concatenate(values, axis=1)
    ends = np.arange(1, times.shape[1] + 1, dtype=np.int32)
    spikes = [PreprocessedSpikes(ends.copy(), row) for row in times]
    return spikes, [int(label) for label in labels]


def _radii(r_small: float, r_big: float, where: str) -> tuple[float, float]:
    small = number(f"{where}: r_small", r_small)
    big = number(f"{where}: r_big", r_big)
    if not (0.0 < big <= 0.5 and 0.0 < small < 0.5 * big):
        raise ValidationError(
            f"{where}: radii must satisfy 0 < r_big <= 0.5 and 0 < r_small < r_big / 2."
            f" Got r_small={shown(r_small)} and r_big={shown(r_big)}."
        )
    return small, big


def _generator(
    seed: int | np.random.Generator | None, where: str
) -> np.random.Generator:
    if isinstance(seed, np.random.Generator):
        return seed
    if seed is not None:
        seed = whole(f"{where}: seed", seed, least=0, most=LARGEST_SEED)
    return np.random.default_rng(seed)


def _sample(
    rng: np.random.Generator, label: int, count: int, small: float, big: float
) -> Floats:
    """Draws points of one class, by rejection sampling in a square around the disc."""
    if label == DOTS and small < SMALLEST_REJECTED * big:
        return _sample_dots(rng, count, small, big)
    accepted = np.empty((0, 2))
    while len(accepted) < count:
        draws = rng.uniform(0.0, 2.0 * big, size=(4 * count + 256, 2))
        accepted = np.concatenate(
            [accepted, draws[_classify(draws, small, big) == label]]
        )
    return accepted[:count]


def _sample_dots(
    rng: np.random.Generator, count: int, small: float, big: float
) -> Floats:
    """Draws points of the two dots, in polar coordinates."""
    radius = small * np.sqrt(rng.uniform(0.0, 1.0, count))
    angle = rng.uniform(0.0, 2.0 * np.pi, count)
    x = big * rng.choice((0.5, 1.5), count) + radius * np.cos(angle)
    return np.stack((x, big + radius * np.sin(angle)), axis=1)


def _classify(points: Floats, small: float, big: float) -> npt.NDArray[np.int64]:
    """Returns the class of each point; -1 outside the disc."""
    x, y = points.T
    centre = np.hypot(x - big, y - big)
    left = np.hypot(x - 0.5 * big, y - big)
    right = np.hypot(x - 1.5 * big, y - big)
    in_yin = (left <= 0.5 * big) | ((y > big) & (right > 0.5 * big))
    in_dots = np.minimum(left, right) < small
    classes = np.where(in_dots, DOTS, np.where(in_yin, YIN, YANG))
    return np.where(centre <= big, classes, -1)
