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
from ml_genn.model.derivation.eligibility import eligible
from ml_genn.model.derivation.symbols import (
    Constants,
    Symbolic,
    assignments,
    c_of,
    symbol,
)
from ml_genn.model.equations.expression import symbolic
from ml_genn.model.equations.sympy_text import text_of
from ml_genn.model.plan import Adjoint, Code, PortAdjoint, SurrogateAdjoint
from ml_genn.model.rules import (
    CROSSING,
    ExactSpikes,
    ResetGradient,
    SpikeRule,
    SurrogateSpikes,
)

TIME_SLOPE = "dL_dt_"
SPIKE_SLOPE = "dL_ds_"
RATE_REGULARISATION_GRAD = "rate_regularisation_grad_"
SCALE = "scale_"  # one over the size of the batch
PREV_STEP_LOSS_GRAD = (
    "prev_step_loss_grad_"  # what the loss adds to the output's adjoint one step sooner
)


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
    step = assignments(
        [(_lambda(x).name, _transposed(s, x)) for x in s.carried], moving
    )
    exact = isinstance(rule, ExactSpikes)
    ports = tuple(_port(s, k, moving, exact) for k in range(len(s.entry)))
    carrying: list[Any] = []
    if isinstance(rule, SurrogateSpikes):
        carrying = eligible(s, _followed(s, rule))
    if exact:
        record, records, jump = _crossing(s, moving)
    else:
        record, records, jump = _reset(s, moving)
    return Adjoint(
        variables=tuple(_lambda(x).name for x in s.carried),
        tape=_tape(s, step, ports),
        step=step,
        record=record,
        records=records,
        jump=jump,
        ports=ports,
        rate_regularisation=_rate_regularisation(s, moving),
        surrogate=_surrogate(s, moving, rule)
        if isinstance(rule, SurrogateSpikes)
        else None,
        eligible=tuple(_lambda(x).name for x in carrying),
        decay=_decay(s, carrying),
    )


def _decay(s: Symbolic, carrying: list[Any]) -> str:
    """What a step leaves of the only variable with a memory, if that is a number."""
    if s.threshold is not None or len(carrying) != 1:
        return ""
    (x,) = carrying
    left = sympy.diff(s.with_input(s.next[x]), x)
    return "" if left.has(*s.dynamic) else text_of(left)


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
    names = (
        TIME_SLOPE,
        SPIKE_SLOPE,
        RATE_REGULARISATION_GRAD,
        SCALE,
        PREV_STEP_LOSS_GRAD,
    )
    return frozenset(_lambda(x) for x in s.carried) | {symbol(n) for n in names}


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
    """EventProp: code that records at a spike, names of the records, the jump.

    Records are of the state when it crossed the threshold, a part of the step ago.
    """
    if s.threshold is None:
        return Code(), (), Code()
    f = {x: s.dynamics[x] for x in s.neuron}
    crossing = sum(sympy.diff(s.threshold, x) * f[x] for x in s.neuron)
    jumped = [(x, s.jump[x]) for x in s.neuron]

    def crossed(value: Any, otherwise: Any = 0) -> Any:
        """Where the state did not rise through the threshold, a spike cannot move."""
        return sympy.Piecewise((value, crossing > 0), (otherwise, True))

    records = _Records(s, "record")
    since = sympy.Min(sympy.Max(s.threshold / crossing, 0), symbol("dt"))
    ago = records.keep(crossed(since))
    after_spike = _moved(s, {_lambda(x): _lambda(x) for x in s.carried}, ago, records)
    before_spike = dict(after_spike)
    for x in (*s.neuron, *s.learned):
        slope = -sympy.diff(s.threshold, x) / crossing
        total = sympy.S.Zero
        if slope != 0:
            total += records.keep(crossed(tidy(slope))) * symbol(TIME_SLOPE)
        if x in s.learned:
            total += after_spike[_lambda(x)]
        for y in s.neuron:
            carried = sum(sympy.diff(s.jump[y], z) * f[z] for z in s.neuron)
            after = f[y].subs(jumped, simultaneous=True)
            held = sympy.diff(s.jump[y], x)
            entry = tidy(held + slope * (carried - after))
            entry = entry if entry == held else crossed(entry, held)
            total += records.keep(entry) * after_spike[_lambda(y)]
        before_spike[_lambda(x)] = total
    targets = _moved(s, before_spike, -ago, records)
    return (
        assignments(_at_crossing(f, records), constants, prefix="r"),
        records.names,
        assignments(
            [(x.name, e) for x, e in targets.items() if e != x],
            records.constants(constants),
        ),
    )


def _moved(
    s: Symbolic, adjoint: dict[Any, Any], ago: Any, records: _Records
) -> dict[Any, Any]:
    """The adjoint some time ago, by the dynamics: ``l_x + ago sum_y df_y/dx l_y``."""
    result = {}
    still = [x for x, delta in zip(s.entry, s.delta, strict=True) if delta]
    for x in s.carried:
        change = sympy.S.Zero
        for y, f in s.dynamics.items():
            slope = sympy.diff(s.with_input(f), x)
            if slope != 0 and x not in still:
                change += records.keep(slope) * adjoint[_lambda(y)]
        result[_lambda(x)] = adjoint[_lambda(x)] + ago * change
    return result


def _at_crossing(f: dict[Any, Any], records: _Records) -> list[tuple[str, Any]]:
    """The records of the state when it crossed the threshold; the first is how long ago
    that was."""
    (first, ago), *others = records.found
    then = [(x, x - ago * slope) for x, slope in f.items() if slope != 0]
    moved = [(name, e.subs(then, simultaneous=True)) for name, e in others]
    return [(first, ago), *moved]


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


def _surrogate(
    s: Symbolic, constants: Constants, rule: SurrogateSpikes
) -> SurrogateAdjoint | None:
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
    return SurrogateAdjoint(
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
    """What a spike that arrives at port ``k`` does to the loss, by weight and time."""
    weight = back = _lambda(s.entry[k])
    if exact:
        _refuse_nonlinear(s, k)
        back = _time_slope(s, s.entry[k])
    hoisted = constants.hoist(weight), constants.hoist(back)
    read = set().union(*(e.free_symbols for e in hoisted))
    return PortAdjoint(
        c_of(hoisted[0]), c_of(hoisted[1]), frozenset(x.name for x in read)
    )


def _time_slope(s: Symbolic, entry: Any) -> Any:
    """dL/dt of an arrival for a weight of one: dL/dw now less that one step sooner.

    A spike that is found at the end of a step happened half a step before on average,
    which is where this difference is taken. It is taken over a whole step, from one
    look of the loss at the output to the next: within a step the slope differs from it
    by more than it is itself where moving a spike does little.
    """
    sooner = _transposed(s, entry)
    for x in s.neuron:
        if x.name == s.system.neuron.output:
            sooner = sooner.subs(_lambda(x), _lambda(x) + symbol(PREV_STEP_LOSS_GRAD))
    change = sympy.expand((_lambda(entry) - sooner) / symbol("dt"))
    return sympy.collect(
        change, [*(_lambda(x) for x in s.state), symbol(PREV_STEP_LOSS_GRAD)]
    )


def _refuse_nonlinear(s: Symbolic, k: int) -> None:
    """Refuses spikes whose effect on the dynamics is not proportional to their weight.

    Raises:
        UnsupportedError: for a delta synapse that makes a variable jump on which some
            dynamics depend in another way than linearly.
    """
    if not s.delta[k]:
        return
    entry = s.entry[k]
    moved = [y for y, f in s.next.items() if sympy.diff(s.with_input(f), entry) != 0]
    for f in s.dynamics.values():
        slopes = [sympy.diff(s.with_input(f), y) for y in moved if y != entry]
        if any(sympy.diff(slope, y) != 0 for slope in slopes for y in moved):
            raise UnsupportedError(
                f"{s.where}: what an incoming spike does to the slope of the state is "
                "not proportional to its weight, so EventProp has nothing to send back "
                "over a delta synapse. Use an Exponential synapse."
            )


def _rate_regularisation(s: Symbolic, constants: Constants) -> Code:
    """A push on the threshold crossing: each adjoint gains amount * dth/dx."""
    if s.threshold is None:
        return Code()
    targets = [
        (
            _lambda(x).name,
            _lambda(x) + symbol(RATE_REGULARISATION_GRAD) * sympy.diff(s.threshold, x),
        )
        for x in s.neuron
        if sympy.diff(s.threshold, x) != 0
    ]
    code = assignments(targets, constants)
    state = sorted({x.name for x in s.dynamic} & code.reads)
    if state:
        return Code()
    return code
