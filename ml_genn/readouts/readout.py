"""Base of readouts."""

from __future__ import annotations

from typing import ClassVar

from ml_genn.model.plan import Readout as ReadoutPlan


class Readout:
    """How one number per output neuron is made from what it does in time.

    Readouts hold no state; ``PLAN`` describes what a backend runs.
    """

    PLAN: ClassVar[ReadoutPlan]
    #: whether losses taken in each step are averaged over steps, or else summed; None
    #: where the readout has no counterpart of that
    MEAN_OVER_STEPS: ClassVar[bool | None] = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))
