"""Synapse groups: what spikes bring to targets, and events back to sources."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ml_genn.backends.pygenn.backward import roles
from ml_genn.backends.pygenn.backward.roles import GRADIENT, WEIGHT
from ml_genn.backends.pygenn.lowering.convolution import toeplitz
from ml_genn.backends.pygenn.lowering.neurons import arrives
from ml_genn.backends.pygenn.lowering.records import Synapses, Toeplitz, Variable
from ml_genn.backends.pygenn.lowering.synapse_storage import (
    Storage,
    listed,
    storage_of,
    whole_steps,
    written_for_each,
)
from ml_genn.backends.pygenn.online.synapses import LEARNS, learning
from ml_genn.backends.pygenn.online.traces import path_of, sent
from ml_genn.model.plan import Delay, Format, Plan, SynapseGroup, Values

DELAY, DELAY_GRADIENT = "delay", "delay_gradient"
NOWHERE = "Isyn"  #: input of every neuron, which no code of ours reads


def lower_synapses(plan: Plan, values: Values, s: SynapseGroup) -> Synapses:
    """The synapse population of a group."""
    made = _delivering(plan, values, s)
    return (_learning if plan.online else _sending_back)(plan, values, s, made)


def _learning(plan: Plan, values: Values, s: SynapseGroup, made: Synapses) -> Synapses:
    """The population, which learns while the network runs."""
    found = learning(plan, values, s)
    return replace(
        made,
        back_into=sent(path_of(plan, values, s)) if s.backpropagates else None,
        dynamics=found.code,
        variables=(*made.variables, *found.variables),
        start=tuple(v.name for v in found.variables),
        source_refs=found.source_refs,
        target_refs=found.target_refs,
        parameters=found.parameters,
        dynamic=(LEARNS,) if found.code else (),
        looks_back=found.looks_back,
    )


def _sending_back(
    plan: Plan, values: Values, s: SynapseGroup, made: Synapses
) -> Synapses:
    """The population, which learns and sends back at events, when time goes back."""
    event, source_refs, target_refs = _event(plan, values, s)
    return replace(
        made,
        back_into=roles.SENT if s.backpropagates else None,
        event=event,
        event_if=_event_if(plan, s) if event else None,
        source_refs=source_refs,
        target_refs=target_refs,
    )


def _delivering(plan: Plan, values: Values, s: SynapseGroup) -> Synapses:
    """The population as far as it delivers spikes."""
    matrix, convolution = _matrix(s)
    waits = dendritic(plan, s)
    return Synapses(
        name=s.name,
        source=s.source,
        target=s.target,
        matrix=matrix,
        into=arrives(s.port) if s.delivers else NOWHERE,
        spike=_spike(plan, values, s),
        variables=tuple(_variables(values, s, storage_of(plan, values, s))),
        indices=listed(values, s) if matrix == "SPARSE" else None,
        toeplitz=convolution,
        axonal=0 if waits else values.delays.get(s.stored, 0),
        dendritic=_longest(plan, values, s) if waits else None,
    )


def dendritic(plan: Plan, s: SynapseGroup) -> bool:
    """Whether spikes wait at their target: each for a time of its own, or such that
    what flows back can be read there."""
    through = s.delay is Delay.CONSTANT and s.trained and not plan.online
    return s.delay is Delay.PER_SYNAPSE or through


def _longest(plan: Plan, values: Values, s: SynapseGroup) -> int:
    """Steps that the target looks back: the longest delay, and one more where slopes
    are differences over steps."""
    return values.max_delays[s.stored] + (s.learn_delay and _in_steps(plan, s))


def _in_steps(plan: Plan, s: SynapseGroup) -> bool:
    """Whether what flows back is dL/ds, so that dL/dt is a difference over steps."""
    return roles.back(plan.neuron(s.target), s.port) == roles.slope(s.port)


def _wait(values: Values, s: SynapseGroup) -> str:
    """C for the delay of a synapse whose spikes wait at the target."""
    return DELAY if s.delay is Delay.PER_SYNAPSE else str(values.delays[s.stored])


def _spike(plan: Plan, values: Values, s: SynapseGroup) -> tuple[str, ...]:
    if not s.delivers:
        return ()
    given = f"-{WEIGHT}" if s.negates else WEIGHT
    if dendritic(plan, s):
        return (f"addToPostDelay({given}, {_wait(values, s)});",)
    return (f"addToPost({given});",)


Refs = dict[str, tuple[str, str]]


def _event(
    plan: Plan, values: Values, s: SynapseGroup
) -> tuple[tuple[str, ...], Refs, Refs]:
    """Code at an event that goes back in time, and what it reads of both ends.

    With a delay of d steps it reads what the target asked for d steps before, which
    is when the spike arrived there.
    """
    if not s.trained:
        return (), {}, {}
    target = plan.neuron(s.target)
    at = f"[{_wait(values, s)}]" if dendritic(plan, s) else ""
    slope, back = roles.slope(s.port), roles.back(target, s.port)
    lines: list[str] = []
    refs: Refs = {}
    if s.learn:
        refs[slope] = ("scalar", slope)
        lines.append(_added(s, GRADIENT, f"{slope}{at}"))
    if s.reads_backprop:
        refs[back] = ("scalar", back)
    if s.learn_delay:
        lines += _delay_slope(plan, s, back)
        lines.append(_added(s, DELAY_GRADIENT, f"{WEIGHT} * change"))
    if roles.surrogate(plan.neuron(s.source)) and s.backpropagates:
        lines = [f"if ((mark_ & {roles.SPIKED}) != 0) {{", *lines, "}"]
    if s.backpropagates:
        lines.append(f"addToPre({WEIGHT} * {back}{at});")
    return tuple(lines), {"mark_": ("uint8_t", roles.MARK)}, refs


def _added(s: SynapseGroup, gradient: str, amount: str) -> str:
    """A statement that adds to a gradient, for each synapse or for a shared weight."""
    sign = "-" if s.negates else ""
    if s.kernel is None or written_for_each(s):
        return f"{gradient} += {sign}({amount});"
    return f"atomic_add_{gradient}({sign}({amount}));"


def _delay_slope(plan: Plan, s: SynapseGroup, back: str) -> list[str]:
    """Statements for ``change``, dL by the delay in steps for a weight of one.

    It is exact, or the slope of arrivals a step apart.
    """
    if not _in_steps(plan, s):
        return [f"const scalar change = dt * {back}[{DELAY}];"]
    return [
        f"const int wait = (int){DELAY};",
        f"scalar change = {back}[wait + 1] - {back}[max(wait - 1, 0)];",
        "if (wait > 0) { change *= 0.5; }",
    ]


def _event_if(plan: Plan, s: SynapseGroup) -> str:
    """Sources that were active send back; those that spiked learn."""
    wanted = roles.SPIKED | (roles.ACTIVE if s.backpropagates else 0)
    return f"(mark_ & {wanted}) != 0"


def _matrix(s: SynapseGroup) -> tuple[str, Toeplitz | None]:
    if s.format is Format.DENSE or s.rewired:
        return "DENSE", None
    if s.kernel is not None and not written_for_each(s):
        return "TOEPLITZ", Toeplitz(toeplitz(s.kernel))
    return "SPARSE", None


def _variables(values: Values, s: SynapseGroup, storage: Storage) -> list[Variable]:
    """Variables of each synapse; numbers that custom updates write are writable."""
    access = "READ_WRITE" if s.learn else "READ_ONLY"
    weights = storage.stored(np.asarray(values.weights[s.stored], np.float32))
    found = [Variable(WEIGHT, value=weights, access=access)]
    if s.delay is Delay.PER_SYNAPSE:
        access = "READ_WRITE" if s.learn_delay else "READ_ONLY"
        steps = storage.stored(whole_steps(values.delays[s.stored]))
        found.append(Variable(DELAY, "uint16_t", steps, access))
    if s.learn:
        found.append(Variable(GRADIENT))
    if s.learn_delay:
        found.append(Variable(DELAY_GRADIENT))
    return found
