"""How a learning rule treats spikes in the backward pass."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class ResetGradient(Enum):
    """Which resets the gradient follows."""

    NONE = "none"
    HIDDEN = "hidden"  #: of all variables but the output variable
    ALL = "all"


@dataclass(frozen=True, slots=True)
class ExactSpikes:
    """Spikes move in time as their threshold crossing does (EventProp)."""


@dataclass(frozen=True, slots=True)
class SurrogateSpikes:
    """Spikes have the derivative ``slope`` by what crosses zero.

    Args:
        slope: expression over ``u`` (the threshold expression), parameters of the
            neuron and of the surrogate.
        condition: expression that holds where the slope is not zero; None: everywhere.
        reset_gradient: which resets the gradient follows.
        signal: expression over state and parameters that is added to dL/ds of active
            neurons, divided by the size of the batch.
    """

    slope: str
    condition: str | None = None
    reset_gradient: ResetGradient = ResetGradient.NONE
    signal: str | None = None


SpikeRule = ExactSpikes | SurrogateSpikes
CROSSING = "u"  #: name of the threshold expression in a surrogate's slope
