"""Base of readouts."""

from __future__ import annotations

from typing import ClassVar

from ml_genn.model.plan import Readout as ReadoutPlan


class Readout:
    """Base of readouts, which reduce the activity of an output neuron to a number.

    Readouts hold no state.

    Attributes:
        PLAN: variables and code that a backend runs.
        MEAN_OVER_STEPS: True if losses of single steps are averaged over steps, as the
            readout averages; False if they are summed; None (default) if the readout
            does neither, so that losses of single steps are not defined.
    """

    PLAN: ClassVar[ReadoutPlan]
    MEAN_OVER_STEPS: ClassVar[bool | None] = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))
