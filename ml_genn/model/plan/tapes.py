"""Tapes as buffers, for backends that have no tapes.

A tape holds values of the forward pass that the backward pass reads: the state at the
start of each step, and records of each spike and of each active neuron. As a buffer, it
has an entry for every step, neuron and example, which holds a spike in each step and
never overflows. Code writes and reads the buffers instead of the tapes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from ml_genn.model.plan import (
    Adjoint,
    Code,
    NeuronGroup,
    Plan,
    PortAdjoint,
    SurrogateAdjoint,
)


def expand(plan: Plan) -> Plan:
    """Returns the plan with buffers in place of tapes.

    A plan that learns online has no tapes and is returned unchanged.
    """
    if plan.online:
        return plan
    return replace(plan, neurons=tuple(without_tapes(g) for g in plan.neurons))


def without_tapes(group: NeuronGroup) -> NeuronGroup:
    """Returns the group with a buffer for each value that its tapes hold."""
    adjoint = group.adjoint
    if adjoint is None:
        return group
    buffer_of = {name: f"{name}_tape_" for name in adjoint.tape}
    of_active = adjoint.surrogate.records if adjoint.surrogate else ()
    return replace(
        group,
        buffers=(*group.buffers, *buffer_of.values(), *adjoint.records, *of_active),
        step=_with_state_saved(buffer_of, group.step),
        reset=_with_record(adjoint.record, group.reset),
        adjoint=_reading_buffers(adjoint, buffer_of),
    )


def _with_state_saved(buffer_of: Mapping[str, str], step: Code) -> Code:
    """Returns a step that first writes the state at its start to buffers."""
    lines = tuple(f"{buffer} = {name};" for name, buffer in buffer_of.items())
    return replace(
        step,
        lines=(*lines, *step.lines),
        reads=step.reads | set(buffer_of),
        writes=step.writes | set(buffer_of.values()),
    )


def _with_record(record: Code, reset: Code) -> Code:
    """Returns a reset that first writes the records of the spike to buffers."""
    if not record:
        return reset
    return Code(
        ("{", *record.lines, "}", *reset.lines),
        record.reads | reset.reads,
        record.writes | reset.writes,
        record.calls | reset.calls,
    )


def _reading_buffers(adjoint: Adjoint, buffer_of: Mapping[str, str]) -> Adjoint:
    """Returns the adjoint that reads buffers; buffers of records have their names."""
    return replace(
        adjoint,
        tape=(),
        step=replace(
            adjoint.step,
            lines=tuple(_renamed(line, buffer_of) for line in adjoint.step.lines),
            reads=_names(adjoint.step.reads, buffer_of),
        ),
        record=Code(),
        records=(),
        ports=tuple(
            PortAdjoint(
                _renamed(port.weight_grad, buffer_of),
                _renamed(port.backprop, buffer_of),
                _names(port.reads, buffer_of),
            )
            for port in adjoint.ports
        ),
        surrogate=_without_records(adjoint.surrogate),
    )


def _without_records(surrogate: SurrogateAdjoint | None) -> SurrogateAdjoint | None:
    return replace(surrogate, records=()) if surrogate else None


def _renamed(text: str, names: Mapping[str, str]) -> str:
    return re.sub(r"\b[A-Za-z_]\w*", lambda match: names.get(match[0], match[0]), text)


def _names(reads: frozenset[str], names: Mapping[str, str]) -> frozenset[str]:
    return frozenset(names.get(name, name) for name in reads)
