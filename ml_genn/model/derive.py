"""Everything a backend runs, derived from a system of equations.

The forward step is integrated exactly where that is possible; its transposed Jacobian
is the adjoint's step, so gradients belong to the very step that ran. At a spike the
adjoint jumps as the implicit function theorem says (Wunderlich & Pehle 2021, here for
any neuron with a threshold and a reset):

    l-_x = sum_y A_xy l+_y + B_x dL/dt
    B_x  = -th_x / (grad th . f)                        dt/dx of the spike
    A_xy = dJ_y/dx + B_x (grad J_y . f - f_y(J))

with threshold th, dynamics f and jump J, all just before the spike.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import sympy

from ml_genn.errors import UnsupportedError
from ml_genn.model.equations import INPUT, NeuronEquations, SynapseEquations
from ml_genn.model.plan import (
    Adjoint,
    Code,
    Derived,
    Port,
    PortAdjoint,
    StateVariable,
)
from ml_genn.model.symbols import (
    Constants,
    Symbolic,
    W,
    assignments,
    c_of,
    symbol,
)
from ml_genn.model.system import System

TIME_GRADIENT = "dL_dt_"
AMOUNT = "amount_"


@lru_cache(maxsize=256)
def derive(system: System, where: str, adjoint: bool = False) -> Derived:
    """Derive the forward pass and, if asked for, the adjoint of a system.

    Args:
        system: the equations.
        where: what errors name.
        adjoint: whether the backward pass is wanted.

    Raises:
        EquationError: if a synapse does more than add its weight to a variable.
        UnsupportedError: if the adjoint cannot be taken.
    """
    s = Symbolic(system, where)
    constants = Constants(s.dynamic | _adjoint_symbols(s))
    threshold = None
    if s.threshold is not None:
        threshold = f"{c_of(constants.hoist(s.threshold))} >= 0.0F"
    return Derived(
        variables=tuple(StateVariable(x.name) for x in s.state),
        ports=tuple(Port(f"syn{k}", x.name) for k, x in enumerate(s.entry)),
        step=_step(s, constants),
        threshold=threshold,
        reset=assignments([(x.name, s.jump[x]) for x in s.neuron], constants),
        adjoint=_adjoint(s, constants) if adjoint else None,
        constants=constants.table(),
    )


def _step(s: Symbolic, constants: Constants) -> Code:
    code = assignments([(INPUT, s.isyn)], constants, declare=True, prefix="s")
    system = s.system
    parts: list[tuple[NeuronEquations | SynapseEquations, str]] = [
        *((port, f"p{k}") for k, port in enumerate(system.ports)),
        (system.neuron, "x"),
    ]
    for equations, prefix in parts:
        own = [symbol(v.name) for v in equations.variables]
        code = _joined(
            code,
            _repeated(
                assignments(
                    [(x.name, s.next[x]) for x in own], constants, prefix=prefix
                ),
                equations.sub_steps,
            ),
        )
    cleared = [(x.name, s.next[x]) for x, d in zip(s.entry, s.delta, strict=True) if d]
    return _joined(code, assignments(cleared, constants))


def _repeated(code: Code, times: int) -> Code:
    if times == 1 or not code:
        return code
    lines = (
        f"for (int sub_ = 0; sub_ < {times}; ++sub_) {{",
        *(f"  {line}" for line in code.lines),
        "}",
    )
    return Code(lines, code.reads, code.writes, code.calls)


def _joined(first: Code, second: Code) -> Code:
    return Code(
        first.lines + second.lines,
        first.reads | (second.reads - {INPUT}),
        first.writes | second.writes,
        first.calls | second.calls,
    )


def _lambda(x: Any) -> Any:
    return symbol(f"lambda_{x.name}")


def _adjoint_symbols(s: Symbolic) -> frozenset[Any]:
    return frozenset(_lambda(x) for x in s.state) | {
        symbol(TIME_GRADIENT),
        symbol(AMOUNT),
    }


def _adjoint(s: Symbolic, constants: Constants) -> Adjoint:
    steps = [s.system.neuron.sub_steps, *(p.sub_steps for p in s.system.ports)]
    if max(steps) > 1:
        raise UnsupportedError(
            f"{s.where}: gradients are derived for sub_steps=1. Received {max(steps)}. "
            "Use a smaller dt instead."
        )
    step = assignments(
        [(_lambda(x).name, _transposed(s, x)) for x in s.state], constants
    )
    _refuse_state(s, step, "the derivative of a step")
    record, records, jump = _spike(s, constants)
    return Adjoint(
        variables=tuple(_lambda(x).name for x in s.state),
        step=step,
        record=record,
        records=records,
        jump=jump,
        ports=tuple(_port(s, k, constants) for k in range(len(s.entry))),
        push=_push(s, constants),
    )


def _transposed(s: Symbolic, x: Any) -> Any:
    """dL/dx before a step from the adjoints after it."""
    total = sympy.S.Zero
    for y, after in s.next.items():
        slope = sympy.diff(s.with_input(after), x)
        total += slope * _lambda(y)
    return total


def _tidy(expression: Any) -> Any:
    """The expression with common factors cancelled, exponentials taken as atoms."""
    if expression.has(sympy.Piecewise) or expression.is_Number:
        return expression
    atoms = {e: sympy.Dummy() for e in expression.atoms(sympy.exp)}
    back = {dummy: e for e, dummy in atoms.items()}
    return sympy.cancel(expression.subs(atoms)).subs(back)


def _refuse_state(s: Symbolic, code: Code, what: str) -> None:
    state = sorted({x.name for x in s.dynamic} & code.reads)
    if state:
        raise UnsupportedError(
            f"{s.where}: {what} depends on the state ({', '.join(state)}), which "
            "EventPropCompiler does not record yet. Equations that are linear between "
            "spikes (such as LeakyIntegrateFire) can be trained."
        )


def _spike(s: Symbolic, constants: Constants) -> tuple[Code, tuple[str, ...], Code]:
    """Code that records at a spike, names of the records, and the adjoint's jump."""
    if s.threshold is None:
        return Code(), (), Code()
    f = {x: s.dynamics[x] for x in s.neuron}
    crossing = sum(sympy.diff(s.threshold, x) * f[x] for x in s.neuron)
    jumped = list(zip(s.neuron, (s.jump[x] for x in s.neuron), strict=True))
    record: list[tuple[str, Any]] = []

    def recorded(expression: Any) -> Any:
        expression = _tidy(expression)
        if not expression.has(*s.dynamic):
            return expression
        for name, known in record:
            if expression == known:
                return symbol(name)
        record.append((f"record{len(record)}_", expression))
        return symbol(record[-1][0])

    targets = []
    for x in s.neuron:
        slope = -sympy.diff(s.threshold, x) / crossing
        total = recorded(slope) * symbol(TIME_GRADIENT)
        for y in s.neuron:
            carried = sum(sympy.diff(s.jump[y], z) * f[z] for z in s.neuron)
            after = f[y].subs(jumped, simultaneous=True)
            entry = sympy.diff(s.jump[y], x) + slope * (carried - after)
            total += recorded(entry) * _lambda(y)
        targets.append((_lambda(x).name, total))
    moving = Constants(constants.dynamic | {symbol(n) for n, _ in record})
    moving.found = constants.found
    return (
        assignments(record, constants, prefix="r"),
        tuple(name for name, _ in record),
        assignments(targets, moving),
    )


def _port(s: Symbolic, k: int, constants: Constants) -> PortAdjoint:
    """What a spike's weight and its time of arrival at port ``k`` do to the loss."""
    entry = s.entry[k]
    if s.delta[k]:
        weight = _transposed(s, entry)
        moved = {
            y: y + W * sympy.diff(s.with_input(after), entry)
            for y, after in s.next.items()
            if y != entry
        }
    else:
        weight = _lambda(entry)
        moved = {entry: entry + W}
    time = sympy.S.Zero
    for y, f in s.dynamics.items():
        before = s.with_input(f)
        if s.delta[k]:
            before = before.subs(entry, 0)
        after = before.subs(list(moved.items()), simultaneous=True)
        per_weight = _tidy(sympy.diff(sympy.expand(before - after), W))
        time += per_weight * _lambda(y)
    if time.has(W) or time.has(*s.dynamic):
        raise UnsupportedError(
            f"{s.where}: what the time of an incoming spike changes depends on the "
            "state or is not proportional to the weight, which EventPropCompiler "
            "cannot send back."
        )
    return PortAdjoint(c_of(constants.hoist(weight)), c_of(constants.hoist(time)))


def _push(s: Symbolic, constants: Constants) -> Code:
    """A push on the threshold crossing: each adjoint gains amount * dth/dx."""
    if s.threshold is None:
        return Code()
    targets = [
        (_lambda(x).name, _lambda(x) + symbol(AMOUNT) * sympy.diff(s.threshold, x))
        for x in s.neuron
        if sympy.diff(s.threshold, x) != 0
    ]
    code = assignments(targets, constants)
    _refuse_state(s, code, "the slope of the threshold")
    return code
