"""What leaky neurons share: how input enters, and the refractory period."""

from __future__ import annotations

from ml_genn.model.equations import Variable

#: Input of a step as it enters tau_mem v' = -v + input.
SCALED_INPUT = "Isyn"
#: The same so that a step adds just Isyn: the factor undoes what integration does.
PLAIN_INPUT = "Isyn / (1 - exp(-dt / tau_mem))"


def membrane(
    scale_i: bool, jump: str | None, bias: bool = False, frozen: bool = False
) -> Variable:
    """The membrane potential, v' = (-v + input) / tau_mem.

    Args:
        scale_i: whether input is scaled by 1 - exp(-dt / tau_mem) in each step.
        jump: value after a spike.
        bias: whether a bias is added in each step.
        frozen: whether it stands still in the refractory period.
    """
    current = SCALED_INPUT if scale_i else PLAIN_INPUT
    if bias:
        current += " + bias / (1 - exp(-dt / tau_mem))"
    dynamics = f"(-v + {current}) / tau_mem"
    if frozen:
        dynamics = f"where(refrac_time > 0, 0, {dynamics})"
    return Variable("v", dynamics, jump)


def reset(relative: bool) -> str:
    """The membrane potential after a spike."""
    return "v - (v_thresh - v_reset)" if relative else "v_reset"


REFRACTORY = Variable("refrac_time", "where(refrac_time > 0, -1, 0)", "tau_refrac")


def unless_refractory(threshold: str) -> str:
    """A threshold that cannot be crossed in the refractory period."""
    return f"where(refrac_time > 0, -1, {threshold})"
