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

The timer r of a refractory period is a state variable with r' = -1 in the period and
the period as its jump. A spike at the end of the period is a crossing of -r = 0, so
dt/dr = 1, and its dL/dt reaches the spike that began the period through the adjoint of
r. (The timer counts time steps: dt/dr is the length of one.)

A spike that an arrival over a delta synapse causes, since without the arrivals of its
step the state is below the threshold, is at the time of that arrival: its dL/dt, and
the change of the state after the spike with its time, are passed back to the arrival.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy

from ml_genn.errors import UnsupportedError
from ml_genn.model.derivation.adjoint_step import adjoint_before_step, adjoint_symbol
from ml_genn.model.derivation.c_code import Constants, assignments
from ml_genn.model.derivation.records import Records, SpikeJump
from ml_genn.model.derivation.symbolic_system import (
    DELTA_INPUT,
    ISYN,
    STEP,
    SymbolicSystem,
    symbol,
)
from ml_genn.model.plan import Code
from ml_genn.model.plan.adjoint import PREV_STEP_LOSS_GRAD, SPIKE_TIME_GRAD

#: dL/dt of the arrivals over delta synapses that made the neuron spike in the present
#: step, per unit of lift; set at the spike.
SPIKE_ARRIVAL_GRAD = symbol("lambda_spike_arrival_")
#: the same for the step that the adjoint has just passed, in which spikes arrived
STEP_ARRIVAL_GRAD = symbol("lambda_step_arrival_")


def spike_jump(system: SymbolicSystem, constants: Constants) -> SpikeJump:
    """Returns the jump of the adjoint at a spike.

    Records hold values of the state at the time of the spike, not at the end of the
    step.
    """
    if system.threshold is None:
        return SpikeJump()
    refuse_nested_conditions(system)
    crossing = ThresholdCrossing(system)
    records = Records(system, "record")
    since_crossing = records.record(crossing.elapsed())
    adjoint = {adjoint_symbol(x): adjoint_symbol(x) for x in system.differentiated}
    after_spike = _propagated_backward(
        system, system.refractory, adjoint, since_crossing, records
    )
    before_spike = dict(after_spike)
    for x in (*system.neuron, *system.learned):
        total = after_spike[adjoint_symbol(x)] if x in system.learned else sympy.S.Zero
        dt_dx = crossing.time_derivative(x)
        if dt_dx != 0:
            total += records.record(dt_dx) * symbol(SPIKE_TIME_GRAD)
        for y in system.neuron:
            entry = records.record(crossing.jacobian(x, y))
            total += entry * after_spike[adjoint_symbol(y)]
        before_spike[adjoint_symbol(x)] = total
    targets = _propagated_backward(
        system, system.not_refractory, before_spike, -since_crossing, records
    )
    if system.delta_isyn != 0:
        targets[SPIKE_ARRIVAL_GRAD] = _arrival_grad(crossing, after_spike, records)
    return SpikeJump(
        record=_record_code(crossing.before, records, constants),
        records=records.names,
        jump=assignments(
            [(x.name, e) for x, e in targets.items() if e != x],
            records.constants(constants),
        ),
    )


def _arrival_grad(
    crossing: ThresholdCrossing, after_spike: dict[Any, Any], records: Records
) -> Any:
    """Returns dL/dt, per unit of lift, of arrivals that cause a spike.

    Args:
        crossing: time of the spike.
        after_spike: {adjoint symbol: adjoint after the spike}.
        records: records, to which new ones are added.
    """
    dL_dt = symbol(SPIKE_TIME_GRAD)
    for y in crossing.before:
        rate = records.record(crossing.change_of_rate(y))
        dL_dt += rate * after_spike[adjoint_symbol(y)]
    return records.record(crossing.arrival_derivative()) * dL_dt


class ThresholdCrossing:
    """Time of a spike, and its derivatives, as expressions of the state at the spike.

    The spike is a crossing of the threshold, or it comes with an event: the end of a
    refractory period, where the state is above the threshold, or the arrival of a
    spike over a delta synapse, without which the state would be below the threshold.

    Args:
        system: a neuron with a threshold.

    Attributes:
        before: {variable: its rate of change before a crossing}.
    """

    def __init__(self, system: SymbolicSystem) -> None:
        self._system = system
        f = {x: system.dynamics[x] for x in system.neuron}
        if system.delta_isyn != 0:
            # The input between the arrivals, which are events.
            f = {x: rate.subs(ISYN, ISYN - DELTA_INPUT) for x, rate in f.items()}
        self.before = {x: system.not_refractory(rate) for x, rate in f.items()}
        self._in_period = {x: system.refractory(rate) for x, rate in f.items()}
        jumped = [(x, system.jump[x]) for x in system.neuron]
        self._after = {
            x: rate.subs(jumped, simultaneous=True)
            for x, rate in self._in_period.items()
        }
        self._threshold = system.not_refractory(system.threshold)
        self._rise = _rate(self._threshold, self.before)
        self._lift = rise_by_input(system) * DELTA_INPUT

    def elapsed(self) -> Any:
        """Returns the time from the crossing to the end of its step."""
        since = sympy.Min(sympy.Max(self._threshold / self._rise, 0), STEP)
        return self._cases(since, 0, 0)

    def time_derivative(self, x: Any) -> Any:
        """Returns dt/dx of the time of the spike."""
        if x == self._system.timer:
            return self._cases(0, 0, STEP)
        return self._cases(cancelled(self._dt_dx(x)), 0, 0)

    def arrival_derivative(self) -> Any:
        """Returns 1 / lift if the spike comes with an arrival, else 0.

        The lift is the rise of the threshold expression by the arrivals of the step,
        which divide the derivative of the spike's time in proportion to their shares
        of it.
        """
        return self._cases(0, 0, 0, arrival=1 / self._lift)

    def jacobian(self, x: Any, y: Any) -> Any:
        """Returns A_xy, the derivative of y after the spike by x before it."""
        at_fixed_time = sympy.diff(self._system.jump[y], x)
        crossing = self._moved(x, y, self._dt_dx(x), self.before)
        end = at_fixed_time
        if x == self._system.timer:
            end = self._moved(x, y, STEP, self._in_period)
        return self._cases(crossing, at_fixed_time, end)

    def change_of_rate(self, y: Any) -> Any:
        """Returns the derivative of y after the spike by the time of its event."""
        return cancelled(self._change(y, self.before))

    def _dt_dx(self, x: Any) -> Any:
        return -sympy.diff(self._threshold, x) / self._rise

    def _moved(self, x: Any, y: Any, dt_dx: Any, before: dict[Any, Any]) -> Any:
        """Returns A_xy if the time of the spike has the derivative ``dt_dx``."""
        at_fixed_time = sympy.diff(self._system.jump[y], x)
        return cancelled(at_fixed_time + dt_dx * self._change(y, before))

    def _change(self, y: Any, before: dict[Any, Any]) -> Any:
        return _rate(self._system.jump[y], before) - self._after[y]

    def _cases(self, crossing: Any, otherwise: Any, end: Any, arrival: Any = 0) -> Any:
        """Returns the value of an expression for each kind of spike.

        Args:
            crossing: value where the threshold is crossed.
            otherwise: value where the threshold expression does not rise.
            end: value at the end of a refractory period.
            arrival: what an arrival that causes the spike adds to ``otherwise``.
        """
        cases = [(crossing, self._rise > 0)]
        if self._system.delta_isyn != 0:
            lifted = sympy.And(self._lift > 0, self._threshold - self._lift < 0)
            cases.insert(0, (otherwise + arrival, lifted))
        if self._system.timer is not None:
            # The timer is 0 at the end of the period, and -1 after it.
            cases.insert(0, (end, self._system.timer > -1))
        if all(value == otherwise for value, _ in cases):
            return otherwise
        return sympy.Piecewise(*cases, (otherwise, True))


def _rate(expression: Any, f: dict[Any, Any]) -> Any:
    """Returns the rate of change of an expression of the state."""
    return sum(sympy.diff(expression, x) * rate for x, rate in f.items())


def rise_by_input(system: SymbolicSystem) -> Any:
    """Returns the derivative of the threshold expression after a step by its input."""
    threshold = system.not_refractory(system.threshold)
    return sum(
        sympy.diff(threshold, x)
        * sympy.diff(system.not_refractory(system.next[x]), ISYN)
        for x in system.neuron
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
    system: SymbolicSystem,
    phase: Callable[[Any], Any],
    adjoint: dict[Any, Any],
    duration: Any,
    records: Records,
) -> dict[Any, Any]:
    """Returns the adjoint a duration earlier, by the linearised dynamics.

    ``lambda_x + duration sum_y df_y/dx lambda_y``. The variable of a delta synapse has
    no dynamics of its own: it holds the input of one step.

    Args:
        system: the system.
        phase: `SymbolicSystem.refractory` or `SymbolicSystem.not_refractory`.
        adjoint: {adjoint symbol: expression} at the end of the duration.
        duration: expression of the duration [ms].
        records: records, to which new ones are added.
    """
    result = {}
    one_step = [x for x, d in zip(system.entry, system.delta, strict=True) if d]
    for x in system.differentiated:
        change = sympy.S.Zero
        for y, f in system.dynamics.items():
            df_dx = sympy.diff(system.with_input(phase(f)), x)
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


def arrival_adjoints(system: SymbolicSystem) -> list[tuple[Any, Any]]:
    """Returns (adjoint, its value before a step) of arrivals over delta synapses."""
    if system.threshold is None or system.delta_isyn == 0:
        return []
    return [
        (STEP_ARRIVAL_GRAD, SPIKE_ARRIVAL_GRAD),
        (SPIKE_ARRIVAL_GRAD, sympy.S.Zero),
    ]


def adjoint_before_event_step(system: SymbolicSystem, x: Any) -> Any:
    r"""Returns dL/dx before a step, with the end of a refractory period.

    A membrane that stands still in the period restarts at its end, a time
    :math:`\tau_{refrac}` after the spike. The adjoint of the timer is dL/dt of that
    time, times dt: :math:`\sum_y \lambda_y (f_y - f^+_y)`, with the rates of change
    f before the restart and :math:`f^+` after it.
    """
    total = adjoint_before_step(system, x)
    if x != system.timer:
        return total
    arrivals = [(e, 0) for e, d in zip(system.entry, system.delta, strict=True) if d]
    restart = sympy.S.Zero
    for y in system.neuron:
        f = system.with_input(system.dynamics[y]).subs(arrivals)
        change = system.refractory(f) - system.not_refractory(f)
        if y != x and change != 0:
            restart += adjoint_before_step(system, y) * STEP * change
    if restart == 0:
        return total
    # A step that starts with a timer of 0 is the first one after the period.
    ends = sympy.And(x > -1, x <= 0)
    return total + sympy.Piecewise((restart, ends), (0, True))


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
    if system.delta[port] and system.threshold is not None:
        lift = rise_by_input(system) * sympy.diff(system.delta_isyn, entry)
        change += lift * STEP_ARRIVAL_GRAD
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
