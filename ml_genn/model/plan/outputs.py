"""Readouts and losses of output neurons."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ml_genn.model.loss_formula import LossFormula
from ml_genn.model.plan.code import Code


class Sensitivity(Enum):
    """Activity of an output neuron that a readout depends on."""

    VARIABLE = "variable"  #: the output variable in each step
    SPIKE_TIME = "spike_time"  #: the time of the first spike
    SPIKES = "spikes"  #: the number of spikes


@dataclass(frozen=True, slots=True)
class Readout:
    """Reduction of the activity of output neurons to one number each.

    Names in its code: ``output`` (the output variable), ``step`` (index of the time
    step), ``num_steps``, ``dt``, and its own variables.

    Args:
        variables: (name, initial value) of its state.
        update: run in every step after integration, before the reset.
        on_spike: run when the neuron spikes.
        result: expression of the value at the end.
        sensitivity: activity that the result depends on.
        weight: for VARIABLE: derivative of the result by ``output`` in a step.
    """

    variables: tuple[tuple[str, float], ...]
    update: Code
    on_spike: Code
    result: str
    sensitivity: Sensitivity
    weight: str


@dataclass(frozen=True, slots=True)
class Loss:
    """Loss of an output.

    Args:
        formula: loss and gradient in the languages of the backends.
        per_step: True if the output variable is compared in every step; False (default)
            if the result of the readout is.
        mean_over_steps: with ``per_step``: True (default) for the mean over steps,
            False for the sum.
        first_spike: True if results are negative first spike times.
    """

    formula: LossFormula
    per_step: bool = False
    mean_over_steps: bool = True
    first_spike: bool = False
