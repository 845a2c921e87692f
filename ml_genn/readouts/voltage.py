"""Readouts of the output variable, seen after integration and before the reset."""

from __future__ import annotations

from typing import ClassVar

from ml_genn.model.plan import Code, Sensitivity
from ml_genn.model.plan import Readout as ReadoutPlan
from ml_genn.readouts.readout import Readout


def _plan(
    variables: dict[str, float], lines: tuple[str, ...], weight: str
) -> ReadoutPlan:
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
    )


class Var(Readout):
    r"""The output variable in the last time step: :math:`y = v[T-1]`."""

    PLAN: ClassVar[ReadoutPlan] = _plan(
        {"v_last_": 0.0},
        ("v_last_ = output;",),
        "(step == num_steps - 1.0f ? 1.0f : 0.0f)",
    )


class AvgVar(Readout):
    r"""The mean of the output variable: :math:`y = \frac{1}{T} \sum_n v[n]`."""

    PLAN: ClassVar[ReadoutPlan] = _plan(
        {"v_avg_": 0.0}, ("v_avg_ += output / num_steps;",), "1.0f / num_steps"
    )
    MEAN_OVER_STEPS: ClassVar[bool | None] = True


class AvgVarExpWeight(Readout):
    r"""The mean with weights that decay in time (Nowotny et al. 2024).

    .. math:: y = \frac{1}{T} \sum_n e^{-n / T} v[n]
    """

    PLAN: ClassVar[ReadoutPlan] = _plan(
        {"v_avg_": 0.0},
        ("v_avg_ += output * (expf(-step / num_steps) / num_steps);",),
        "expf(-step / num_steps) / num_steps",
    )


class SumVar(Readout):
    r"""The sum of the output variable: :math:`y = \sum_n v[n]`."""

    PLAN: ClassVar[ReadoutPlan] = _plan({"v_sum_": 0.0}, ("v_sum_ += output;",), "1.0f")
    MEAN_OVER_STEPS: ClassVar[bool | None] = False


class MaxVar(Readout):
    r"""The maximum of the output variable: :math:`y = \max(0, \max_n v[n])`."""

    PLAN: ClassVar[ReadoutPlan] = _plan(
        {"v_max_": 0.0, "v_max_step_": -1.0},
        (
            "v_max_step_ = output > v_max_ ? step : v_max_step_;",
            "v_max_ = output > v_max_ ? output : v_max_;",
        ),
        "(step == v_max_step_ ? 1.0f : 0.0f)",
    )
