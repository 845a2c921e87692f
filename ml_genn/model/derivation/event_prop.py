r"""EventProp: exact gradients by spike times, for neurons with threshold and reset.

Wunderlich & Pehle (2021) derive the jump of the adjoint for leaky integrate-and-fire
neurons; the same steps apply to any dynamics f, threshold :math:`\vartheta` and jump J.
The implicit function theorem gives the derivative of the spike time t by the state just
before the spike, and with it

.. math::
    B_x &= \frac{\partial t}{\partial x}
         = -\frac{\partial_x \vartheta}{\nabla \vartheta \cdot f} \\
    A_{xy} &= \partial_x J_y + B_x \, (\nabla J_y \cdot f - f_y(J)) \\
    \lambda^-_x &= \sum_y A_{xy} \lambda^+_y + B_x \frac{dL}{dt}

with :math:`\lambda^-` before and :math:`\lambda^+` after the spike. A spike that enters
port k with weight w has :math:`dL/dw = \lambda_k`, and passes
:math:`dL/dt = w \, d\lambda_k/dt` back to the neuron that sent it.

A spike is found at the end of the step in which the threshold is crossed. The crossing
was :math:`\Delta = \min(\max(\vartheta / (\nabla \vartheta \cdot f), 0), dt)` earlier:
the adjoint is taken back to it by the linearised dynamics, jumps there, and is taken
forward again. Where the threshold expression does not rise (a reset above threshold, an
input that jumps), the spike time is not differentiable and :math:`B_x = 0`.
"""

from __future__ import annotations

from typing import Any

import sympy

from ml_genn.errors import UnsupportedError
from ml_genn.model.derivation.adjoint_step import adjoint_before_step, adjoint_symbol
from ml_genn.model.derivation.c_code import Constants, assignments
from ml_genn.model.derivation.records import Records, SpikeJump
from ml_genn.model.derivation.symbolic_system import STEP, SymbolicSystem, symbol
from ml_genn.model.plan import Code
from ml_genn.model.plan.adjoint import PREV_STEP_LOSS_GRAD, SPIKE_TIME_GRAD


def crossing_jump(system: SymbolicSystem, constants: Constants) -> SpikeJump:
    """Returns the jump of the adjoint at a threshold crossing.

    Records hold values of the state at the crossing, not at the end of the step.
    """
    if system.threshold is None:
        return SpikeJump()
    f = {x: system.dynamics[x] for x in system.neuron}
    refuse_nested_conditions(system)
    rise = sum(sympy.diff(system.threshold, x) * f[x] for x in system.neuron)

    def if_rising(value: Any, otherwise: Any = 0) -> Any:
        return sympy.Piecewise((value, rise > 0), (otherwise, True))

    records = Records(system, "record")
    since_crossing = records.record(
        if_rising(sympy.Min(sympy.Max(system.threshold / rise, 0), STEP))
    )
    adjoint = {adjoint_symbol(x): adjoint_symbol(x) for x in system.differentiated}
    after_spike = _propagated_backward(system, adjoint, since_crossing, records)
    before_spike = dict(after_spike)
    jumped = [(x, system.jump[x]) for x in system.neuron]
    for x in (*system.neuron, *system.learned):
        dt_dx = -sympy.diff(system.threshold, x) / rise
        total = sympy.S.Zero
        if dt_dx != 0:
            total += records.record(if_rising(cancelled(dt_dx))) * symbol(
                SPIKE_TIME_GRAD
            )
        if x in system.learned:
            total += after_spike[adjoint_symbol(x)]
        for y in system.neuron:
            jump_rate = sum(sympy.diff(system.jump[y], z) * f[z] for z in system.neuron)
            rate_after = f[y].subs(jumped, simultaneous=True)
            at_fixed_time = sympy.diff(system.jump[y], x)
            entry = cancelled(at_fixed_time + dt_dx * (jump_rate - rate_after))
            if entry != at_fixed_time:
                entry = if_rising(entry, at_fixed_time)
            total += records.record(entry) * after_spike[adjoint_symbol(y)]
        before_spike[adjoint_symbol(x)] = total
    targets = _propagated_backward(system, before_spike, -since_crossing, records)
    return SpikeJump(
        record=_record_code(f, records, constants),
        records=records.names,
        jump=assignments(
            [(x.name, e) for x, e in targets.items() if e != x],
            records.constants(constants),
        ),
    )


def refuse_nested_conditions(system: SymbolicSystem) -> None:
    """Raises an error for where(...) in conditions, which takes SymPy minutes.

    Raises:
        UnsupportedError: if a condition of the equations contains a where(...).
    """
    equations = (*system.dynamics.values(), *system.jump.values(), system.threshold)
    for equation in equations:
        for piecewise in equation.atoms(sympy.Piecewise):
            if any(c.has(sympy.Piecewise, sympy.ITE) for _, c in piecewise.args):
                raise UnsupportedError(
                    f"{system.where}: EventProp does not take where(...) inside "
                    "conditions. Combine the conditions with 'and' and 'or'."
                )


def cancelled(expression: Any) -> Any:
    """Returns the expression with common factors cancelled, exponentials as atoms."""
    if expression.has(sympy.Piecewise) or expression.is_Number:
        return expression
    atoms = {e: sympy.Dummy() for e in expression.atoms(sympy.exp)}
    exponentials = {dummy: e for e, dummy in atoms.items()}
    return sympy.cancel(expression.subs(atoms)).subs(exponentials)


def _propagated_backward(
    system: SymbolicSystem, adjoint: dict[Any, Any], duration: Any, records: Records
) -> dict[Any, Any]:
    """Returns the adjoint a duration earlier, by the linearised dynamics.

    ``lambda_x + duration sum_y df_y/dx lambda_y``. The variable of a delta synapse has
    no dynamics of its own: it holds the input of one step.
    """
    result = {}
    one_step = [x for x, d in zip(system.entry, system.delta, strict=True) if d]
    for x in system.differentiated:
        change = sympy.S.Zero
        for y, f in system.dynamics.items():
            df_dx = sympy.diff(system.with_input(f), x)
            if df_dx != 0 and x not in one_step:
                change += records.record(df_dx) * adjoint[adjoint_symbol(y)]
        result[adjoint_symbol(x)] = adjoint[adjoint_symbol(x)] + duration * change
    return result


def _record_code(f: dict[Any, Any], records: Records, constants: Constants) -> Code:
    """Returns the code of the records, with the state at the crossing put in.

    The first record is the time since the crossing, from the state after the step. The
    state at the crossing has names of its own if rates have branches: put into
    conditions of other branches, they would take SymPy minutes.
    """
    (first, since_crossing), *others = records.expressions
    state = {x: x - since_crossing * rate for x, rate in f.items() if rate != 0}
    if not any(rate.has(sympy.Piecewise) for rate in state.values()):
        put_in = [(n, e.subs(state, simultaneous=True)) for n, e in others]
        return assignments([(first, since_crossing), *put_in], constants, prefix="r")
    since = symbol("since_crossing_")
    at_crossing = {x: symbol(f"{x.name}_at_crossing_") for x in state}
    local = constants.with_time_dependent([since, *at_crossing.values()])
    moved = [(at_crossing[x].name, x - since * f[x]) for x in state]
    put_in = [(n, e.subs(at_crossing, simultaneous=True)) for n, e in others]
    code = assignments([(first, since), *put_in], local, prefix="r")
    code = _after_locals(assignments(moved, local, declare=True, prefix="s"), code)
    crossing = [(since.name, since_crossing)]
    return _after_locals(assignments(crossing, local, declare=True, prefix="t"), code)


def _after_locals(declarations: Code, code: Code) -> Code:
    """Returns code that reads locals, after their declarations."""
    reads = declarations.reads | (code.reads - declarations.writes)
    return Code(declarations.lines + code.lines, reads, code.writes)


def arrival_time_grad(system: SymbolicSystem, port: int) -> Any:
    """Returns dL/dt of an arrival over a weight of one: the rate of change of dL/dw.

    It is the difference between dL/dw now and one step earlier, over dt. A spike found
    at the end of a step happened half a step before on average, which is the middle of
    this interval. The interval includes what the loss adds to the adjoint in the step
    before: the rate of change within a step, without it, can differ from the mean rate
    by more than its own size where a shift of the spike changes the loss little.

    Raises:
        UnsupportedError: as for `refuse_nonlinear_jump`.
    """
    refuse_nonlinear_jump(system, port)
    entry = system.entry[port]
    earlier = adjoint_before_step(system, entry)
    for x in system.neuron:
        if x.name == system.system.neuron.output:
            adjoint = adjoint_symbol(x)
            earlier = earlier.subs(adjoint, adjoint + symbol(PREV_STEP_LOSS_GRAD))
    change = sympy.expand((adjoint_symbol(entry) - earlier) / STEP)
    return sympy.collect(
        change,
        [*(adjoint_symbol(x) for x in system.state), symbol(PREV_STEP_LOSS_GRAD)],
    )


def refuse_nonlinear_jump(system: SymbolicSystem, port: int) -> None:
    """Raises an error if a spike's effect is not proportional to its weight.

    Raises:
        UnsupportedError: if a delta synapse lets a variable jump that some dynamics
            depend on nonlinearly.
    """
    if not system.delta[port]:
        return
    entry = system.entry[port]
    jumping = [
        y
        for y, after in system.next.items()
        if sympy.diff(system.with_input(after), entry) != 0
    ]
    for f in system.dynamics.values():
        rates = [sympy.diff(system.with_input(f), y) for y in jumping if y != entry]
        if any(sympy.diff(rate, y) != 0 for rate in rates for y in jumping):
            raise UnsupportedError(
                f"{system.where}: the derivative of the state after an incoming spike "
                "is not proportional to its weight, so EventProp has no gradient over "
                "a delta synapse. Use an Exponential synapse."
            )
