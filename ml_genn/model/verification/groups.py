"""Checks of neuron groups: state, code, readout and loss."""

from __future__ import annotations

from collections.abc import Iterable

from ml_genn.errors import EquationError, ValidationError, unknown_name
from ml_genn.model.loss_formula import LossFormula, Targets
from ml_genn.model.plan import WINDOW_CONSTANTS, NeuronGroup, Readout
from ml_genn.model.plan.code import PROVIDED
from ml_genn.model.verification.adjoint import check_adjoint
from ml_genn.model.verification.code import (
    Names,
    check_code,
    check_expression,
    check_formula,
    check_lines,
)

OUTPUT = "output"  #: the output variable, in readouts
VARIABLE_TYPES = ("float", "int32_t", "uint32_t", "bool")


def check_group(group: NeuronGroup, parameters: Iterable[str]) -> None:
    """Raises an error if a neuron group is not well formed.

    Args:
        group: the group.
        parameters: names of its parameters.

    Raises:
        UnknownNameError, EquationError, ValidationError: as for `verify`.
    """
    where = f"Population '{group.name}'"
    parameters = frozenset(parameters) | {"dt"}
    state = _check_state(group, where)
    constants = {c.name for c in group.constants}
    for constant in group.constants:
        check_formula(
            constant.expression, f"{where}, constant '{constant.name}'", parameters
        )
    forward = state | constants | PROVIDED | set(group.buffers)
    writable = state | set(group.buffers)
    local = check_code(group.step, f"{where}, step", forward, writable)
    if group.threshold is not None:
        reads = forward | local
        check_expression(
            group.threshold, f"{where}, threshold", reads, group.step.calls
        )
    for name in group.saved_locals:
        if name not in local:
            raise unknown_name("saved local", name, local, where=f"{where}, step")
    reads = forward | set(group.saved_locals)
    check_code(group.reset, f"{where}, reset", reads, writable)
    if group.readout:
        _check_readout(group.readout, where, state | constants)
    if group.loss:
        _check_loss(group, group.loss.formula, where)
    if group.adjoint:
        check_adjoint(group, group.adjoint, forward, parameters, where)
    _check_learned(group, parameters, where)


def _check_state(group: NeuronGroup, where: str) -> Names:
    """Raises an error if names of state collide; returns the state variables."""
    state = {v.name for v in group.variables}
    constants = {c.name for c in group.constants}
    for name in sorted(state & constants):
        raise EquationError(f"{where}: '{name}' is both a variable and a parameter.")
    for kind, names in (
        ("variable", [v.name for v in group.variables]),
        ("constant", [c.name for c in group.constants]),
        ("buffer", group.buffers),
    ):
        for name in names:
            if names.count(name) > 1:
                raise EquationError(f"{where}: {kind} '{name}' is declared twice.")
    for variable in group.variables:
        if variable.type not in VARIABLE_TYPES:
            place = f"{where}, variable '{variable.name}'"
            raise unknown_name("type", variable.type, VARIABLE_TYPES, where=place)
    for port in group.ports:
        if port.variable not in state:
            place = f"{where}, port '{port.name}'"
            raise unknown_name("variable", port.variable, state, where=place)
    if group.output is not None and group.output not in state:
        raise unknown_name("output variable", group.output, state, where=where)
    return state


def _check_readout(readout: Readout, where: str, group_names: Names) -> None:
    variables = {name for name, _ in readout.variables}
    for name in sorted(variables & group_names):
        raise EquationError(
            f"{where}: '{name}' is a name of the readout. Rename the variable."
        )
    reads = variables | PROVIDED | {OUTPUT}
    if readout.window:
        reads |= set(WINDOW_CONSTANTS)
    for slot in ("update", "on_spike"):
        code = getattr(readout, slot)
        check_code(code, f"{where}, readout {slot}", reads, variables)
    for slot in ("result", "weight", "arrival_weight"):
        if text := getattr(readout, slot):
            check_expression(text, f"{where}, readout {slot}", reads)


def _check_loss(group: NeuronGroup, formula: LossFormula, where: str) -> None:
    """Raises an error if a loss has nothing to compare, or its code is not valid."""
    where = f"{where}, loss '{formula.name}'"
    if group.readout is None:
        raise ValidationError(f"{where}: the population has no readout.")
    if group.adjoint is None:
        raise ValidationError(f"{where}: the population has no backward pass.")
    target = "label" if formula.targets is Targets.LABELS else "target"
    reads = frozenset({"y", "n", "scale", target, formula.scalar})
    check_lines(formula.cpp, f"{where}, cpp", reads, frozenset({"grad"}))
    outputs = {"y_", "outputs_", "first_", "num_neurons"}
    reads = frozenset({*outputs, "target_", "target_sum_", "scale_"})
    reads |= {f"{formula.scalar}_"}
    check_lines(formula.genn, f"{where}, genn", reads, frozenset({"loss_", "grad_"}))


def _check_learned(group: NeuronGroup, parameters: Names, where: str) -> None:
    adjoint = group.adjoint.variables if group.adjoint else ()
    for learned in group.learned:
        if learned.name not in parameters:
            raise unknown_name("parameter", learned.name, parameters, where=where)
        if f"lambda_{learned.name}" not in adjoint:
            raise ValidationError(
                f"{where}: parameter '{learned.name}' is learned but has no adjoint."
            )
