"""Base of readouts."""

from __future__ import annotations

from typing import ClassVar

from ml_genn.model.plan import Readout as ReadoutPlan


class Readout:
    """Base of readouts: each reduces the activity of an output neuron to one number.

    The activity is that of all time steps of an example. Readouts have no attributes of
    their own, so two readouts of one class are equal.

    Attributes:
        PLAN: variables and code of the readout, which backends run.
        MEAN_OVER_STEPS: how a loss that is computed in every time step is reduced over
            the steps: True for its mean (readouts that are a mean), False for its sum
            (readouts that are a sum). None (default) if the readout is neither; such a
            loss is then not defined.
    """

    PLAN: ClassVar[ReadoutPlan]
    MEAN_OVER_STEPS: ClassVar[bool | None] = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))
