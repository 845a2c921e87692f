"""The backward pass of a system of equations.

Between spikes the adjoint ``lambda = dL/dx`` goes through the transposed Jacobian of
the very step that ran. At spikes there are two ways. EventProp moves the spike as the
implicit function theorem says (Wunderlich & Pehle 2021, here for any neuron with a
threshold and a reset):

    l-_x = sum_y A_xy l+_y + B_x dL/dt
    B_x  = -th_x / (grad th . f)                        dt/dx of the spike
    A_xy = dJ_y/dx + B_x (grad J_y . f - f_y(J))

with threshold th, dynamics f and jump J, all just before the spike. A surrogate
gradient gives the spike the derivative psi by th, wherever the neuron is active:

    l-_x = l+_x + s sum_y (dJ_y/dx - [x = y]) l+_y + psi th_x dL/ds
    dL/ds = (what its targets send back) + sum_y l+_y (J_y - y)

where the last sum is over the variables whose reset the gradient follows.

A learned parameter is a state variable that stands still: its adjoint gathers dL/dp.
"""

from __future__ import annotations

from typing import Any

import sympy

from ml_genn.errors import UnsupportedError
from ml_genn.model.expression import symbolic
from ml_genn.model.plan import Active, Adjoint, Code, PortAdjoint
from ml_genn.model.rules import (
    CROSSING,
    ExactSpikes,
    ResetGradient,
    SpikeRule,
    SurrogateSpikes,
)
from ml_genn.model.symbols import Constants, Symbolic, W, assignments, c_of, symbol

TIME_SLOPE = "dL_dt_"
SPIKE_SLOPE = "dL_ds_"
AMOUNT = "amount_"
SCALE = "scale_"  # one over the size of the batch


def adjoint_of(
    s: Symbolic, constants: Constants, rule: SpikeRule, learned: tuple[str, ...] = ()
) -> Adjoint:
    """The adjoint of a system under a rule.

    Args:
        s: the system.
        constants: where constant parts of expressions go.
        rule: how spikes are treated.
        learned: parameters whose gradient is taken.

    Raises:
        UnsupportedError: if it cannot be taken.
    """
    _refuse_sub_steps(s)
    s.learned = [symbol(name) for name in learned]
    moving = Constants(constants.dynamic | _adjoint_symbols(s))
    moving.found = constants.found
    carried = [*s.state, *s.learned]
    step = assignments([(_lambda(x).name, _transposed(s, x)) for x in carried], moving)
    exact = isinstance(rule, ExactSpikes)
    ports = tuple(_port(s, k, moving, exact) for k in range(len(s.entry)))
    if exact:
        record, records, jump = _crossing(s, moving)
    else:
        record, records, jump = _reset(s, moving)
    return Adjoint(
        variables=tuple(_lambda(x).name for x in carried),
        tape=_tape(s, step, ports),
        step=step,
        record=record,
        records=records,
        jump=jump,
        ports=ports,
        push=_push(s, moving),
        active=_active(s, moving, rule) if isinstance(rule, SurrogateSpikes) else None,
    )


def _refuse_sub_steps(s: Symbolic) -> None:
    steps = [s.system.neuron.sub_steps, *(p.sub_steps for p in s.system.ports)]
    if max(steps) > 1:
        raise UnsupportedError(
            f"{s.where}: gradients are derived for sub_steps=1. Received {max(steps)}. "
            "Use a smaller dt instead."
        )


def _lambda(x: Any) -> Any:
    return symbol(f"lambda_{x.name}")


def _adjoint_symbols(s: Symbolic) -> frozenset[Any]:
    names = (TIME_SLOPE, SPIKE_SLOPE, AMOUNT, SCALE)
    carried = (*s.state, *s.learned)
    return frozenset(_lambda(x) for x in carried) | {symbol(n) for n in names}


def _transposed(s: Symbolic, x: Any) -> Any:
    """dL/dx before a step from the adjoints after it."""
    total = _lambda(x) if x in s.learned else sympy.S.Zero
    for y, after in s.next.items():
        total += sympy.diff(s.with_input(after), x) * _lambda(y)
    return total


def tidy(expression: Any) -> Any:
    """The expression with common factors cancelled, exponentials taken as atoms."""
    if expression.has(sympy.Piecewise) or expression.is_Number:
        return expression
    atoms = {e: sympy.Dummy() for e in expression.atoms(sympy.exp)}
    back = {dummy: e for e, dummy in atoms.items()}
    return sympy.cancel(expression.subs(atoms)).subs(back)


def _tape(s: Symbolic, step: Code, ports: tuple[PortAdjoint, ...]) -> tuple[str, ...]:
    """State that the step's adjoint or the ports' depend on."""
    read = set(step.reads).union(*(port.reads for port in ports))
    return tuple(x.name for x in s.state if x.name in read)


class _Records:
    """Expressions whose value is kept with a spike because it depends on the state."""

    def __init__(self, s: Symbolic, prefix: str) -> None:
        self.dynamic = s.dynamic
        self.prefix = prefix
        self.found: list[tuple[str, Any]] = []

    def keep(self, expression: Any) -> Any:
        """The expression, or the symbol of the record that holds it."""
        if not expression.has(*self.dynamic):
            return expression
        for name, known in self.found:
            if expression == known:
                return symbol(name)
        name = f"{self.prefix}{len(self.found)}_"
        self.found.append((name, expression))
        return symbol(name)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the records."""
        return tuple(name for name, _ in self.found)

    def constants(self, constants: Constants) -> Constants:
        """Constants of code that reads the records."""
        moving = Constants(constants.dynamic | {symbol(n) for n in self.names})
        moving.found = constants.found
        return moving


Jump = tuple[Code, tuple[str, ...], Code]


def _crossing(s: Symbolic, constants: Constants) -> Jump:
    """EventProp: code that records at a spike, names of the records, the jump."""
    if s.threshold is None:
        return Code(), (), Code()
    f = {x: s.dynamics[x] for x in s.neuron}
    crossing = sum(sympy.diff(s.threshold, x) * f[x] for x in s.neuron)
    jumped = [(x, s.jump[x]) for x in s.neuron]
    records = _Records(s, "record")
    targets = []
    for x in (*s.neuron, *s.learned):
        slope = -sympy.diff(s.threshold, x) / crossing
        total = records.keep(tidy(slope)) * symbol(TIME_SLOPE)
        total += _lambda(x) if x in s.learned else 0
        for y in s.neuron:
            carried = sum(sympy.diff(s.jump[y], z) * f[z] for z in s.neuron)
            after = f[y].subs(jumped, simultaneous=True)
            entry = sympy.diff(s.jump[y], x) + slope * (carried - after)
            total += records.keep(tidy(entry)) * _lambda(y)
        targets.append((_lambda(x).name, total))
    return (
        assignments(records.found, constants, prefix="r"),
        records.names,
        assignments(targets, records.constants(constants)),
    )


def _reset(s: Symbolic, constants: Constants) -> Jump:
    """Surrogate gradients: the adjoint goes back through the reset of a spike."""
    records = _Records(s, "record")
    targets = []
    for x in (*s.neuron, *s.learned):
        total = _lambda(x) if x in s.learned else sympy.S.Zero
        for y in s.neuron:
            total += records.keep(sympy.diff(s.jump[y], x)) * _lambda(y)
        targets.append((_lambda(x).name, total))
    return (
        assignments(records.found, constants, prefix="r"),
        records.names,
        assignments(targets, records.constants(constants)),
    )


def _active(s: Symbolic, constants: Constants, rule: SurrogateSpikes) -> Active | None:
    """Where a neuron is active, and what its spike's slope does."""
    if s.threshold is None:
        return None
    crossing = {symbol(CROSSING): s.threshold}
    slope = symbolic(rule.slope).subs(crossing)
    records = _Records(s, "active")
    jump = [
        (
            _lambda(x).name,
            _lambda(x)
            + records.keep(slope * sympy.diff(s.threshold, x)) * symbol(SPIKE_SLOPE),
        )
        for x in (*s.neuron, *s.learned)
        if sympy.diff(s.threshold, x) != 0
    ]
    total = symbol(SPIKE_SLOPE) + sum(
        records.keep(s.jump[y] - y) * _lambda(y) for y in _followed(s, rule)
    )
    if rule.signal is not None:
        total += symbol(SCALE) * records.keep(symbolic(rule.signal))
    moving = records.constants(constants)
    condition = "true"
    if rule.condition is not None:
        condition = c_of(constants.hoist(symbolic(rule.condition).subs(crossing)))
    return Active(
        condition=condition,
        record=assignments(records.found, constants, prefix="r"),
        records=records.names,
        reset=assignments([(SPIKE_SLOPE, total)], moving),
        jump=assignments(jump, moving),
    )


def _followed(s: Symbolic, rule: SurrogateSpikes) -> list[Any]:
    """Variables whose reset the gradient follows."""
    jumping = [x for x in s.neuron if s.jump[x] != x]
    if rule.reset_gradient is ResetGradient.NONE:
        return []
    if rule.reset_gradient is ResetGradient.ALL:
        return jumping
    return [x for x in jumping if x.name != s.system.neuron.output]


def _port(s: Symbolic, k: int, constants: Constants, exact: bool) -> PortAdjoint:
    """What a spike that arrives at port ``k`` does to the loss, by weight and time.

    Where the loss looks at the output in steps, spikes move in steps too: dL/dt is the
    difference of dL/dw one step later and now. Within a step, between two looks, the
    slope differs from that by more than dL/dt itself where moving a spike does little.
    """
    entry = s.entry[k]
    weight = back = _lambda(entry)
    later = exact and not s.delta[k]
    if later:
        back = sympy.collect(
            sympy.expand((weight - _transposed(s, entry)) / symbol("dt")),
            [_lambda(x) for x in s.state],
        )
    elif exact:
        back = _arrival(s, k)
    hoisted = constants.hoist(weight), constants.hoist(back)
    read = set().union(*(e.free_symbols for e in hoisted))
    return PortAdjoint(
        c_of(hoisted[0]), c_of(hoisted[1]), frozenset(x.name for x in read), later
    )


def _arrival(s: Symbolic, k: int) -> Any:
    """dL/dt of the arrival of a spike at the delta port ``k``, for a weight of one."""
    entry = s.entry[k]
    moved = {
        y: y + W * sympy.diff(s.with_input(after), entry)
        for y, after in s.next.items()
        if y != entry
    }
    time = sympy.S.Zero
    for y, f in s.dynamics.items():
        before = s.with_input(f).subs(entry, 0)
        after = before.subs(list(moved.items()), simultaneous=True)
        time += tidy(sympy.diff(sympy.expand(before - after), W)) * _lambda(y)
    if time.has(W):
        raise UnsupportedError(
            f"{s.where}: what an incoming spike does to the slope of the state is not "
            "proportional to its weight, so EventProp has nothing to send back over a "
            "delta synapse. Use an Exponential synapse."
        )
    return time


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
    state = sorted({x.name for x in s.dynamic} & code.reads)
    if state:
        return Code()
    return code
