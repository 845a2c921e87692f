"""Readouts of the output variable, after integration and before the reset."""

from __future__ import annotations

from typing import ClassVar

from ml_genn.model.plan import Code, Sensitivity
from ml_genn.model.plan import Readout as ReadoutPlan
from ml_genn.readouts.readout import Readout


def _step_readout(
    variables: dict[str, float],
    lines: tuple[str, ...],
    weight: str,
    arrival_weight: str = "",
) -> ReadoutPlan:
    """Returns the plan of a readout that is updated in every step.

    Args:
        variables: {state variable: initial value}; the first one is the result.
        lines: C code of an update.
        weight: C expression of the derivative of the result by the output variable of a
            step.
        arrival_weight: the same as an arrival in the next step sees it; "" (default)
            if it is ``weight``.
    """
    names = frozenset(variables)
    reads = names | {"output", "step", "num_steps", "dt"}
    used = " ".join(lines)
    return ReadoutPlan(
        variables=tuple(variables.items()),
        update=Code(lines, frozenset(n for n in reads if n in used), names),
        on_spike=Code(),
        result=next(iter(variables)),
        sensitivity=Sensitivity.VARIABLE,
        weight=weight,
        arrival_weight=arrival_weight,
    )


class Var(Readout):
    r"""Output variable in the last time step: :math:`y = v[T-1]`."""

    PLAN: ClassVar[ReadoutPlan] = _step_readout(
        {"v_last_": 0.0},
        ("v_last_ = output;",),
        "(step == num_steps - 1.0f ? 1.0f : 0.0f)",
    )


class AvgVar(Readout):
    r"""Mean of the output variable: :math:`y = \frac{1}{T} \sum_n v[n]`."""

    PLAN: ClassVar[ReadoutPlan] = _step_readout(
        {"v_avg_": 0.0}, ("v_avg_ += output / num_steps;",), "1.0f / num_steps"
    )
    MEAN_OVER_STEPS: ClassVar[bool | None] = True


class AvgVarExpWeight(Readout):
    r"""Mean with weights that decay exponentially in time (Nowotny et al. 2024).

    .. math:: y = \frac{1}{T} \sum_n e^{-n / T} v[n]
    """

    PLAN: ClassVar[ReadoutPlan] = _step_readout(
        {"v_avg_": 0.0},
        ("v_avg_ += output * (expf(-step / num_steps) / num_steps);",),
        "expf(-step / num_steps) / num_steps",
    )


class SumVar(Readout):
    r"""Sum of the output variable: :math:`y = \sum_n v[n]`."""

    PLAN: ClassVar[ReadoutPlan] = _step_readout(
        {"v_sum_": 0.0}, ("v_sum_ += output;",), "1.0f"
    )
    MEAN_OVER_STEPS: ClassVar[bool | None] = False


class MaxVar(Readout):
    r"""Maximum of the output variable: :math:`y = \max(0, \max_n v[n])`.

    Where an arrival ends the rise at the maximum, y moves with the time of the arrival:
    dy/dt is the rate r of the rise, a fraction :math:`r / (r - r^+)` of the change of
    the rate, from r before to :math:`r^+` after the maximum.
    """

    PLAN: ClassVar[ReadoutPlan] = _step_readout(
        {
            "v_max_": 0.0,
            "v_max_step_": -1.0,
            "v_rise_": 1.0,
            "v_fall_": 0.0,
            "v_prev_": 0.0,
        },
        (
            "v_fall_ = step == v_max_step_ + 1.0f ? output - v_max_ : v_fall_;",
            "v_rise_ = output > v_max_ ? output - v_prev_ : v_rise_;",
            "v_prev_ = output;",
            "v_max_step_ = output > v_max_ ? step : v_max_step_;",
            "v_max_ = output > v_max_ ? output : v_max_;",
        ),
        "(step == v_max_step_ ? 1.0f : 0.0f)",
        "(step == v_max_step_ ? v_rise_ / (v_rise_ - v_fall_) : 0.0f)",
    )
