"""Readouts and losses of output neurons."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from ml_genn.model.loss_formula import LossFormula
from ml_genn.model.plan.code import Code

WINDOW_FIRST = "window_first_"  #: constant of a group: first step that a readout sees
WINDOW_END = "window_end_"  #: constant of a group: the step after the last one
WINDOW_CONSTANTS = (WINDOW_FIRST, WINDOW_END)  #: constants of a readout's window
#: C condition of the steps in the window.
IN_WINDOW = f"step >= {WINDOW_FIRST} && step < {WINDOW_END}"
#: What steps of the window are called in code of a readout that sees all steps.
_STEPS_OF_WINDOW = {
    "step": f"(step - {WINDOW_FIRST})",
    "num_steps": f"({WINDOW_END} - {WINDOW_FIRST})",
}


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
        arrival_weight: the same as the arrival of a spike in the next step sees it;
            empty (default) if it is ``weight``.
        window: True if it sees a window of steps, between the group's constants
            `WINDOW_CONSTANTS`; False (default) if it sees all of them.
    """

    variables: tuple[tuple[str, float], ...]
    update: Code
    on_spike: Code
    result: str
    sensitivity: Sensitivity
    weight: str
    arrival_weight: str = ""
    window: bool = False

    def weight_before_arrival(self) -> str:
        """Returns the weight of the step before, as an arrival in a step sees it."""
        return re.sub(r"\bstep\b", "(step - 1.0f)", self.arrival_weight or self.weight)

    def in_window(self) -> Readout:
        """Returns this readout of the steps in a window.

        Its code then counts steps from the start of the window. First spike times still
        count from the start of the example.
        """
        counts = self.sensitivity is not Sensitivity.SPIKE_TIME
        names = _STEPS_OF_WINDOW if counts else {}
        weight, arrival_weight = (
            f"({IN_WINDOW} ? {_renamed(text, names)} : 0.0f)"
            for text in (self.weight, self.arrival_weight or self.weight)
        )
        return replace(
            self,
            update=_in_window(self.update, names),
            on_spike=_in_window(self.on_spike, names),
            result=_renamed(self.result, names),
            weight=weight,
            arrival_weight=arrival_weight,
            window=True,
        )


def _renamed(text: str, names: Mapping[str, str]) -> str:
    """Returns C code with some names replaced by expressions."""
    return re.sub(r"\w+", lambda match: names.get(match[0], match[0]), text)


def _in_window(code: Code, names: Mapping[str, str]) -> Code:
    """Returns code that runs in the steps of a window only."""
    if not code:
        return code
    lines = (_renamed(line, names) for line in code.lines)
    reads = (code.reads - {"num_steps"}) | {"step", *WINDOW_CONSTANTS}
    return replace(code, lines=(f"if ({IN_WINDOW}) {{", *lines, "}"), reads=reads)


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
