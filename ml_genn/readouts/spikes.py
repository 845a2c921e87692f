"""Readouts of spikes."""

from __future__ import annotations

from typing import ClassVar

from ml_genn.model.plan import Code, Sensitivity
from ml_genn.model.plan import Readout as ReadoutPlan
from ml_genn.readouts.readout import Readout


class SpikeCount(Readout):
    """Number of spikes."""

    PLAN: ClassVar[ReadoutPlan] = ReadoutPlan(
        variables=(("spike_count_", 0.0),),
        update=Code(),
        on_spike=Code(
            ("spike_count_ += 1.0f;",),
            frozenset({"spike_count_"}),
            frozenset({"spike_count_"}),
        ),
        result="spike_count_",
        sensitivity=Sensitivity.SPIKES,
        weight="0.0f",
    )


class FirstSpikeTime(Readout):
    """Negative time of the first spike [ms], so that the earliest is the largest.

    For a neuron that does not spike it is the lowest number in single precision.
    """

    PLAN: ClassVar[ReadoutPlan] = ReadoutPlan(
        variables=(("first_spike_", -1.0),),
        update=Code(),
        on_spike=Code(
            ("if (first_spike_ < 0.0f) first_spike_ = step;",),
            frozenset({"first_spike_", "step"}),
            frozenset({"first_spike_"}),
        ),
        result="first_spike_ < 0.0f ? -3.402823466e+38f : -(first_spike_ * dt)",
        sensitivity=Sensitivity.SPIKE_TIME,
        weight="0.0f",
    )
