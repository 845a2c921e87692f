"""Tapes written out, for a backend that has none of its own.

A tape keeps what the backward pass will read: the state at the start of each step, and
numbers of each spike and of each active neuron. Written out, each is a buffer with an
entry for every step, neuron and example, which can hold a spike in each step and so
never overflows. The code that filled and read the tape fills and reads the buffer.
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
    """The plan without tapes of numbers; the same plan if it has none.

    One whose gradients are taken while it runs keeps no tape of an example.
    """
    if plan.online:
        return plan
    return replace(plan, neurons=tuple(without_tapes(g) for g in plan.neurons))


def without_tapes(group: NeuronGroup) -> NeuronGroup:
    """The group with a buffer for each number that its tapes hold."""
    adjoint = group.adjoint
    if adjoint is None:
        return group
    kept = {name: f"{name}_tape_" for name in adjoint.tape}
    of_active = adjoint.surrogate.records if adjoint.surrogate else ()
    return replace(
        group,
        buffers=(*group.buffers, *kept.values(), *adjoint.records, *of_active),
        step=_keeping(kept, group.step),
        reset=_first(adjoint.record, group.reset),
        adjoint=_reading(adjoint, kept),
    )


def _keeping(kept: Mapping[str, str], step: Code) -> Code:
    """A step that first keeps the state it starts from."""
    lines = tuple(f"{buffer} = {name};" for name, buffer in kept.items())
    return replace(
        step,
        lines=(*lines, *step.lines),
        reads=step.reads | set(kept),
        writes=step.writes | set(kept.values()),
    )


def _first(record: Code, reset: Code) -> Code:
    """A reset before which numbers of the spike are kept."""
    if not record:
        return reset
    return Code(
        ("{", *record.lines, "}", *reset.lines),
        record.reads | reset.reads,
        record.writes | reset.writes,
        record.calls | reset.calls,
    )


def _reading(adjoint: Adjoint, kept: Mapping[str, str]) -> Adjoint:
    """The adjoint that reads buffers: those of records have the records' names."""
    return replace(
        adjoint,
        tape=(),
        step=replace(
            adjoint.step,
            lines=tuple(_renamed(line, kept) for line in adjoint.step.lines),
            reads=_names(adjoint.step.reads, kept),
        ),
        record=Code(),
        records=(),
        ports=tuple(
            PortAdjoint(
                _renamed(port.weight_grad, kept),
                _renamed(port.backprop, kept),
                _names(port.reads, kept),
            )
            for port in adjoint.ports
        ),
        surrogate=_without_records(adjoint.surrogate),
    )


def _without_records(surrogate: SurrogateAdjoint | None) -> SurrogateAdjoint | None:
    return replace(surrogate, records=()) if surrogate else None


def _renamed(text: str, names: Mapping[str, str]) -> str:
    return re.sub(r"\b[A-Za-z_]\w*", lambda found: names.get(found[0], found[0]), text)


def _names(reads: frozenset[str], names: Mapping[str, str]) -> frozenset[str]:
    return frozenset(names.get(name, name) for name in reads)
