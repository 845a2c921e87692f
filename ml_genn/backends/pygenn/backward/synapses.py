"""Synapses in the backward pass: gradients, and the loss that flows to the source.

Every step of the backward pass undoes a time step. A source that spiked in it (or, with
surrogate gradients, was active) has an event, at which its synapses read the gradients
that the target neuron has for a spike arriving ``delay`` steps later:

    dL/dw     += weight_grad
    dL/ddelay += weight * (dt * backprop, or its difference over steps)
    backprop of the source += weight * backprop
"""

from __future__ import annotations

from dataclasses import replace

from ml_genn.backends.pygenn.backward import roles
from ml_genn.backends.pygenn.lowering.names import (
    ACTIVE_FLAG,
    BACKPROP,
    DELAY,
    DELAY_GRADIENT,
    FLAGS,
    GRADIENT,
    NEXT_FLAGS,
    SPIKED_FLAG,
    WEIGHT,
    weight_grad,
)
from ml_genn.backends.pygenn.lowering.records import (
    SynapsePopulation,
    VariableReferences,
)
from ml_genn.model.plan import Delay, Plan, PlanValues, SynapseGroup


def with_backward_pass(
    plan: Plan, values: PlanValues, s: SynapseGroup, population: SynapsePopulation
) -> SynapsePopulation:
    """Returns a population with the event code of the backward pass."""
    if not s.trained:
        return population
    return replace(
        population,
        pre_target=BACKPROP if s.backpropagates else None,
        event_code=tuple(_event_code(plan, values, s)),
        event_condition=_event_condition(s),
        source_refs={FLAGS: ("uint8_t", NEXT_FLAGS)},
        target_refs=_target_refs(plan, s),
    )


# ---------------------------------------------------------------- delays
def has_dendritic_delay(plan: Plan, s: SynapseGroup) -> bool:
    """True if spikes are delayed at their target.

    They are where synapses have delays of their own, and where the backward pass reads
    the target as long ago as spikes were delayed.
    """
    undone = s.delay is Delay.CONSTANT and s.trained and not plan.online
    return s.delay is Delay.PER_SYNAPSE or undone


def max_dendritic_delay(plan: Plan, values: PlanValues, s: SynapseGroup) -> int:
    """Returns how many steps back the target is read.

    It is the longest delay, and one more where dL/ddelay is a difference over steps.
    """
    return values.max_delays[s.stored] + (
        s.learn_delay and _has_delay_difference(plan, s)
    )


def delay_of(values: PlanValues, s: SynapseGroup) -> str:
    """Returns C for the dendritic delay of a synapse [steps]."""
    return DELAY if s.delay is Delay.PER_SYNAPSE else str(values.delays[s.stored])


def _has_delay_difference(plan: Plan, s: SynapseGroup) -> bool:
    """True if dL/ds flows back (BPTT), so that dL/ddelay is a difference over steps.

    Under EventProp dL/dt flows back, which is dL/ddelay up to the time step.
    """
    return roles.backprop_of(plan.neuron(s.target), s.port) == weight_grad(s.port)


# ---------------------------------------------------------------- events
def _event_condition(s: SynapseGroup) -> str:
    """Returns C that is true where a spike has a gradient.

    Weights learn from sources that spiked; the loss flows back to active ones, too.
    """
    flags = SPIKED_FLAG | (ACTIVE_FLAG if s.backpropagates else 0)
    return f"({FLAGS} & {flags}) != 0"


def _target_refs(plan: Plan, s: SynapseGroup) -> VariableReferences:
    """Returns the gradients of the target that the event code reads."""
    names = [weight_grad(s.port)] if s.learn else []
    if s.reads_backprop:
        names.append(roles.backprop_of(plan.neuron(s.target), s.port))
    return {name: ("scalar", name) for name in names}


def _event_code(plan: Plan, values: PlanValues, s: SynapseGroup) -> list[str]:
    """Returns statements; see the module's equations."""
    delay = f"[{delay_of(values, s)}]" if has_dendritic_delay(plan, s) else ""
    backprop = roles.backprop_of(plan.neuron(s.target), s.port)
    lines: list[str] = []
    if s.learn:
        lines.append(_accumulate(s, GRADIENT, f"{weight_grad(s.port)}{delay}"))
    if s.learn_delay:
        lines += _delay_grad(plan, s, backprop)
        lines.append(_accumulate(s, DELAY_GRADIENT, f"{WEIGHT} * delay_grad"))
    if roles.has_surrogate(plan.neuron(s.source)) and s.backpropagates:
        lines = [f"if (({FLAGS} & {SPIKED_FLAG}) != 0) {{", *lines, "}"]
    if s.backpropagates:
        lines.append(f"addToPre({WEIGHT} * {backprop}{delay});")
    return lines


def _accumulate(s: SynapseGroup, gradient: str, amount: str) -> str:
    """Returns a statement that adds to the gradient of a synapse."""
    return f"{gradient} {'-=' if s.negates else '+='} {amount};"


def _delay_grad(plan: Plan, s: SynapseGroup, backprop: str) -> list[str]:
    """Returns statements for ``delay_grad``, dL/ddelay per step for a weight of one.

    It is exact under EventProp. Under BPTT it is the central difference between a spike
    that arrives one step later and one that arrives one step sooner.
    """
    if not _has_delay_difference(plan, s):
        return [f"const scalar delay_grad = dt * {backprop}[{DELAY}];"]
    return [
        f"const int delay_steps = (int){DELAY};",
        # GeNN pastes the index of a delayed variable without parentheses.
        "const int later = delay_steps + 1;",
        "const int sooner = max(delay_steps - 1, 0);",
        f"scalar delay_grad = {backprop}[later] - {backprop}[sooner];",
        "if (delay_steps > 0) { delay_grad *= 0.5; }",
    ]
