"""Base of readouts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from ml_genn.errors import ValidationError
from ml_genn.model.plan import Readout as ReadoutPlan
from ml_genn.utils.checks import number, shown
from ml_genn.utils.time_steps import STEP_TOLERANCE


class Readout:
    """Base of readouts: each reduces the activity of an output neuron to one number.

    The activity is that of all time steps of an example, or of a window: of the steps n
    with first <= n dt < last. T and n in the formulas of readouts are then the number
    of steps in the window, and steps since its start. A loss, metrics and the errors of
    e-prop see the window only.

    Args:
        window: (first, last) [ms], whole time steps with first < last, or None as last
            for the end of the example; None (default) for the whole example.

    Raises:
        ValidationError: if the window is not a pair of times in ascending order.

    Attributes:
        window: the argument.
        PLAN: variables and code of the readout, which backends run.
        MEAN_OVER_STEPS: how a loss that is computed in every time step is reduced over
            the steps: True for its mean (readouts that are a mean), False for its sum
            (readouts that are a sum). None (default) if the readout is neither; such a
            loss is then not defined.
    """

    PLAN: ClassVar[ReadoutPlan]
    MEAN_OVER_STEPS: ClassVar[bool | None] = None

    window: tuple[float, float | None] | None = None

    def __init__(self, window: Sequence[float | None] | None = None) -> None:
        self.window = _checked(f"{type(self).__name__}: window", window)

    def steps(self, num_steps: int, dt: float) -> range:
        """Returns the time steps that the readout sees.

        Args:
            num_steps: time steps of an example.
            dt: time step [ms].

        Raises:
            ValidationError: if the window is not one of whole steps of the example.
        """
        if self.window is None:
            return range(num_steps)
        first, last = self.window
        where = f"{type(self).__name__}: window"
        start = _whole_steps(where, first, dt)
        end = num_steps if last is None else _whole_steps(where, last, dt)
        if start >= end or end > num_steps:
            raise ValidationError(
                f"{where} lies inside an example, which lasts from 0 to "
                f"{num_steps * dt:g} ms. Received {self.window}."
            )
        return range(start, end)

    def __repr__(self) -> str:
        window = "" if self.window is None else f"window={self.window}"
        return f"{type(self).__name__}({window})"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.window == getattr(
            other, "window", None
        )

    def __hash__(self) -> int:
        return hash((type(self), self.window))


def _checked(where: str, window: Any) -> tuple[float, float | None] | None:
    """Returns a window as a pair of floats."""
    if window is None:
        return None
    if not isinstance(window, Sequence) or isinstance(window, str) or len(window) != 2:
        raise ValidationError(
            f"{where} is a pair (first, last) of times [ms]. Received {shown(window)}."
        )
    first = number(where, window[0])
    last = None if window[1] is None else number(where, window[1])
    if first < 0 or (last is not None and last <= first):
        raise ValidationError(
            f"{where} is a pair (first, last) with 0 <= first < last. Received "
            f"{shown(window)}."
        )
    return first, last


def _whole_steps(where: str, time: float, dt: float) -> int:
    """Returns a time as a number of time steps."""
    steps = round(time / dt)
    if abs(time / dt - steps) > STEP_TOLERANCE:
        raise ValidationError(
            f"{where} begins and ends with a time step of {dt:g} ms. Received {time:g} "
            f"ms, which is {time / dt:g} steps."
        )
    return steps
