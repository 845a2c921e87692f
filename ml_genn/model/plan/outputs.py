"""Readouts and losses of output neurons."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ml_genn.model.plan.code import Code


class Sensitivity(Enum):
    """What a readout depends on."""

    VARIABLE = "variable"  #: the output variable in each step
    SPIKE_TIME = "spike_time"  #: the time of the first spike
    SPIKES = "spikes"  #: the number of spikes


@dataclass(frozen=True, slots=True)
class Readout:
    """How a number per output neuron is made from what it does in time.

    Names in its code: ``output`` (the output variable), ``step`` (index of the time
    step), ``num_steps``, ``dt``, and its own variables.

    Args:
        variables: (name, initial value) of its state.
        update: run in every step after integration, before the reset.
        on_spike: run when the neuron spikes.
        result: expression of the value at the end.
        sensitivity: what it depends on.
        weight: for VARIABLE: derivative of the result by ``output`` in a step.
    """

    variables: tuple[tuple[str, float], ...]
    update: Code
    on_spike: Code
    result: str
    sensitivity: Sensitivity
    weight: str


class LossKind(Enum):
    """Losses that a backend offers."""

    CROSS_ENTROPY = "cross_entropy"  #: softmax cross-entropy against a label
    SOFT_CROSS_ENTROPY = "soft_cross_entropy"  #: the same against shares of classes
    SQUARED_ERROR = "squared_error"  #: mean square error against values
    ABSOLUTE_ERROR = "absolute_error"  #: mean absolute error against values
    RELATIVE_SQUARED_ERROR = "relative_squared_error"  #: of times, against a label

    @property
    def of_labels(self) -> bool:
        """Whether targets are labels, one for each example."""
        return self in (LossKind.CROSS_ENTROPY, LossKind.RELATIVE_SQUARED_ERROR)

    @property
    def of_errors(self) -> bool:
        """Whether targets are values of what is compared, number by number."""
        return self in (LossKind.SQUARED_ERROR, LossKind.ABSOLUTE_ERROR)


@dataclass(frozen=True, slots=True)
class Loss:
    """What the result of a readout is compared with.

    Args:
        kind: which loss.
        per_step: whether it compares the output variable in every step.
        mean_over_steps: with ``per_step``, whether steps are averaged, else summed.
        first_spike: whether results are negative first spike times.
    """

    kind: LossKind
    per_step: bool = False
    mean_over_steps: bool = True
    first_spike: bool = False
