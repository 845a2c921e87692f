"""Checks of the backward pass of a neuron group."""

from __future__ import annotations

from ml_genn.errors import ValidationError, unknown_name
from ml_genn.model.plan import Adjoint, NeuronGroup, PortAdjoint, SurrogateAdjoint
from ml_genn.model.plan.adjoint import (
    BATCH_SCALE,
    PREV_STEP_LOSS_GRAD,
    RATE_REGULARISATION_GRAD,
    SPIKE_GRAD,
    SPIKE_TIME_GRAD,
)
from ml_genn.model.verification.code import (
    Names,
    check_code,
    check_expression,
    check_formula,
)


def check_adjoint(
    group: NeuronGroup,
    adjoint: Adjoint,
    forward: Names,
    parameters: Names,
    where: str,
) -> None:
    """Raises an error if the adjoint of a group is not well formed.

    Args:
        group: the group.
        adjoint: its adjoint.
        forward: names that code of the forward pass reads.
        parameters: names of the group's parameters, and dt.
        where: start of error messages.

    Raises:
        UnknownNameError, EquationError, ValidationError: as for `verify`.
    """
    # Values of the forward pass that the backward pass reads: in every step `tape`
    # (variables) and `buffers` (of the group), at each spike `records`, which code of
    # the forward pass computes from what it reads `at_spike`.
    where = f"{where}, adjoint"
    state = {v.name for v in group.variables}
    _check_variables(group, adjoint, state, where)
    constants = {c.name for c in group.constants}
    variables = frozenset(adjoint.variables)
    buffers = frozenset(group.buffers)
    step_reads = constants | set(adjoint.tape) | buffers
    at_spike = state | constants | set(group.saved_locals) | forward
    records = set(adjoint.records) | buffers
    check_code(adjoint.step, f"{where} step", step_reads, variables)
    check_code(adjoint.record, f"{where} record", at_spike, records)
    reads = constants | records | {SPIKE_TIME_GRAD}
    check_code(adjoint.jump, f"{where} jump", reads, variables)
    reads = constants | {RATE_REGULARISATION_GRAD}
    check_code(
        adjoint.rate_regularisation, f"{where} rate_regularisation", reads, variables
    )
    for name, port in zip((p.name for p in group.ports), adjoint.ports, strict=True):
        reads = step_reads | variables | {PREV_STEP_LOSS_GRAD}
        _check_port(port, f"{where} port '{name}'", reads)
    if adjoint.surrogate:
        _check_surrogate(
            adjoint.surrogate, where, at_spike, buffers, constants, variables
        )
    if adjoint.decay:
        check_formula(adjoint.decay, f"{where} decay", parameters)


def _check_variables(
    group: NeuronGroup, adjoint: Adjoint, state: Names, where: str
) -> None:
    """Raises an error if variables and ports do not match those of the group."""
    differentiated = [
        *(v.name for v in group.variables),
        *(p.name for p in group.learned),
    ]
    known = {f"lambda_{name}" for name in differentiated} | set(adjoint.event_variables)
    for name in adjoint.variables:
        if name not in known:
            raise unknown_name("adjoint variable", name, known, where=where)
    for name in adjoint.eligible:
        if name not in adjoint.variables:
            raise unknown_name(
                "eligible variable", name, adjoint.variables, where=where
            )
    for name in adjoint.tape:
        if name not in state:
            raise unknown_name("recorded variable", name, state, where=where)
    if len(adjoint.ports) != len(group.ports):
        raise ValidationError(
            f"{where}: {len(adjoint.ports)} ports, but the group has "
            f"{len(group.ports)}."
        )


def _check_port(port: PortAdjoint, where: str, readable: Names) -> None:
    read: set[str] = set()
    for slot in ("weight_grad", "backprop"):
        read |= check_expression(getattr(port, slot), f"{where}, {slot}", readable)
    for name in sorted(read - port.reads):
        raise unknown_name("name in reads", name, port.reads, where=where)
    for name in sorted(port.reads - readable):
        raise unknown_name("name", name, readable, where=f"{where}, reads")


def _check_surrogate(
    surrogate: SurrogateAdjoint,
    where: str,
    at_spike: Names,
    buffers: Names,
    constants: Names,
    variables: Names,
) -> None:
    where = f"{where}, surrogate"
    records = set(surrogate.records) | buffers
    spike = frozenset({SPIKE_GRAD})
    check_expression(surrogate.condition, f"{where} condition", at_spike)
    check_code(surrogate.record, f"{where} record", at_spike, records)
    reads = constants | records | variables | {BATCH_SCALE}
    check_code(surrogate.reset, f"{where} reset", reads, spike)
    check_code(surrogate.jump, f"{where} jump", constants | records | spike, variables)
