"""Learning-rate schedules: functions of the step.

A schedule is a function of the step, the index of the batch counted from the start of
training; any such function may be an optimiser's ``alpha``.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import cos, pi
from typing import Any, TypeAlias

from ml_genn.errors import ValidationError
from ml_genn.utils.checks import (
    check_fields,
    flag,
    items,
    not_negative,
    shown,
    whole,
)

Rate: TypeAlias = float | Callable[[int], float]


def rate_at(rate: Rate, step: int) -> float:
    """Returns the learning rate of a step, of a number or of a schedule.

    Raises:
        ValidationError: if the rate is negative or not finite.
    """
    if not callable(rate):
        return rate
    return not_negative(f"Learning rate of step {step}", rate(step))


def _each(check: Callable[[str, Any], Any]) -> Callable[[str, Any], tuple[Any, ...]]:
    """Returns a check of each item of a sequence."""
    return lambda where, value: tuple(check(where, v) for v in items(where, value))


@dataclass(frozen=True, slots=True)
class Constant:
    r"""Constant learning rate: :math:`\alpha(n) = \alpha_0`.

    Args:
        rate: the rate.
    """

    rate: float

    def __post_init__(self) -> None:
        check_fields(self, rate=not_negative)

    def __call__(self, step: int) -> float:
        """Returns the rate of a step."""
        return self.rate


@dataclass(frozen=True, slots=True)
class ExponentialDecay:
    r"""Exponential decay: :math:`\alpha(n) = \alpha_0 \, d^{n / N}`.

    Args:
        rate: the rate of the first step.
        steps: N, steps after which the rate is multiplied by ``decay``.
        decay: d, 0.1 by default.
        staircase: True for a change every N steps only; False by default.
    """

    rate: float
    steps: int
    decay: float = 0.1
    staircase: bool = False

    def __post_init__(self) -> None:
        check_fields(self, rate=not_negative, steps=whole, decay=not_negative)
        check_fields(self, staircase=flag)

    def __call__(self, step: int) -> float:
        """Returns the rate of a step."""
        periods = step // self.steps if self.staircase else step / self.steps
        return float(self.rate * self.decay**periods)


@dataclass(frozen=True, slots=True)
class CosineDecay:
    r"""Cosine decay to a final rate (Loshchilov & Hutter 2017).

    .. math:: \alpha(n) = \alpha_1 + \frac{\alpha_0 - \alpha_1}{2}
        \left(1 + \cos \frac{\pi \min(n, N)}{N}\right)

    Args:
        rate: the rate of the first step.
        steps: N, steps until the final rate is reached.
        final: the final rate, 0 by default.
    """

    rate: float
    steps: int
    final: float = 0.0

    def __post_init__(self) -> None:
        check_fields(self, rate=not_negative, steps=whole, final=not_negative)

    def __call__(self, step: int) -> float:
        """Returns the rate of a step."""
        factor = 0.5 * (1.0 + cos(pi * min(step, self.steps) / self.steps))
        return self.final + (self.rate - self.final) * factor


@dataclass(frozen=True, slots=True)
class PiecewiseConstant:
    """Piecewise constant learning rate.

    Args:
        boundaries: steps at which the next rate begins, in ascending order.
        rates: rate of each interval, one more than boundaries.

    Raises:
        ValidationError: if boundaries are not ascending, or rates do not fit them.
    """

    boundaries: Sequence[int]
    rates: Sequence[float]

    def __post_init__(self) -> None:
        check_fields(self, boundaries=_each(whole), rates=_each(not_negative))
        bounds = list(self.boundaries)
        if bounds != sorted(set(bounds)) or len(self.rates) != len(bounds) + 1:
            raise ValidationError(
                "PiecewiseConstant: boundaries rise, and there is one rate more than "
                f"boundaries. Received boundaries {shown(self.boundaries)} and rates "
                f"{shown(self.rates)}."
            )

    def __call__(self, step: int) -> float:
        """Returns the rate of a step."""
        return self.rates[bisect_right(self.boundaries, step)]


@dataclass(frozen=True, slots=True)
class WarmUp:
    r"""Linear warm-up, followed by another schedule.

    .. math:: \alpha(n) = s + (\alpha_0 - s) \frac{n}{N} \quad (n < N), \qquad
        \alpha(n) = \alpha_{then}(n - N) \quad (n \ge N)

    Args:
        steps: N, steps of the warm-up.
        then: a rate or a schedule for the steps after it; :math:`\alpha_0` is its
            first rate.
        start: s, the rate of the first step, 0 by default.
    """

    steps: int
    then: Any
    start: float = 0.0

    def __post_init__(self) -> None:
        check_fields(self, steps=whole, start=not_negative)
        if not callable(self.then):
            check_fields(self, then=not_negative)

    def __call__(self, step: int) -> float:
        """Returns the rate of a step."""
        target = rate_at(self.then, max(step - self.steps, 0))
        progress = min(step / self.steps, 1.0)
        return self.start + (target - self.start) * progress
