"""A system of equations in SymPy: its exact step and what printing it as C needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import sympy
from sympy.codegen.ast import float32, real
from sympy.printing.c import C99CodePrinter

from ml_genn.errors import EquationError
from ml_genn.model.equations import (
    DT,
    EXPONENTIAL_EULER,
    INPUT,
    WEIGHT,
    NeuronEquations,
    SynapseEquations,
    Variable,
)
from ml_genn.model.equations.expression import names, symbolic
from ml_genn.model.equations.sympy_text import text_of
from ml_genn.model.equations.system import System, port_name
from ml_genn.model.plan import Code, Constant

ISYN = sympy.Symbol(INPUT, real=True)
STEP = sympy.Symbol(DT, real=True)
W = sympy.Symbol(WEIGHT, real=True)


def symbol(name: str) -> Any:
    """The SymPy symbol of a variable or parameter."""
    return sympy.Symbol(name, real=True)


def integrated(variable: Any, dynamics: Any, step: Any, exact: bool) -> Any:
    """A variable after ``step``, everything else held constant.

    With x' = A x + B this is x e^(A dt) + B (e^(A dt) - 1) / A, or x + B dt where
    A = 0. An equation that is not linear in its own variable takes a forward Euler
    step.
    """
    if isinstance(dynamics, sympy.Piecewise):
        return sympy.Piecewise(
            *((integrated(variable, f, step, exact), c) for f, c in dynamics.args)
        )
    slope = sympy.diff(dynamics, variable)
    if not exact or slope.has(variable) or slope.has(sympy.Derivative):
        return variable + step * dynamics
    offset = sympy.expand(dynamics - slope * variable).subs(variable, 0)
    if slope == 0:
        return variable + step * offset
    decay = sympy.exp(slope * step)
    gain = (decay - 1) / slope
    terms = sympy.collect(sympy.expand(offset), ISYN, evaluate=False)
    return variable * decay + sum(
        sympy.cancel(coefficient / slope) * (decay - 1) * power
        if not coefficient.has(sympy.Piecewise)
        else gain * coefficient * power
        for power, coefficient in terms.items()
    )


class Symbolic:
    """A system in SymPy.

    Attributes:
        neuron: state variables of the neuron.
        entry: for each port, the variable that spikes add their weight to.
        isyn: the neuron's input as an expression of the ports' variables.
        dynamics: {variable: right-hand side}, with ``Isyn`` for the input.
        next: {variable: value after one (sub-)step}.
        jump: {neuron variable: value after a spike}.
        threshold: expression that is >= 0 where the neuron spikes, or None.
        learned: parameters whose gradient is taken.
    """

    def __init__(self, system: System, where: str) -> None:
        self.system = system
        self.where = where
        self.learned: list[Any] = []
        self.neuron = [symbol(v.name) for v in system.neuron.variables]
        self.dynamics: dict[Any, Any] = {}
        self.next: dict[Any, Any] = {}
        self.jump: dict[Any, Any] = {}
        self.entry: list[Any] = []
        self.delta: list[bool] = []
        self.isyn: Any = sympy.S.Zero
        self._add(system.neuron)
        for v in system.neuron.variables:
            s = symbol(v.name)
            self.jump[s] = s if v.jump is None else symbolic(v.jump)
        for k, port in enumerate(system.ports):
            self._add_port(k, port)
        text = system.neuron.threshold
        self.threshold = None if text is None else symbolic(text)

    @property
    def state(self) -> list[Any]:
        """All state variables, the neuron's first."""
        return list(self.next)

    @property
    def carried(self) -> list[Any]:
        """What has an adjoint: state variables and learned parameters."""
        return [*self.state, *self.learned]

    @property
    def dynamic(self) -> frozenset[Any]:
        """Symbols that change in time: state and input."""
        return frozenset(self.state) | {ISYN}

    def with_input(self, expression: Any) -> Any:
        """The expression with ``Isyn`` written out in the ports' variables."""
        return expression.subs(ISYN, self.isyn)

    def _add(self, equations: NeuronEquations | SynapseEquations) -> None:
        step = STEP / equations.sub_steps
        exact = equations.solver == EXPONENTIAL_EULER
        for v in equations.variables:
            s = symbol(v.name)
            f = sympy.S.Zero if v.dynamics is None else symbolic(v.dynamics)
            self.dynamics[s] = f
            self.next[s] = s if f == 0 else integrated(s, f, step, exact)

    def _add_port(self, k: int, port: SynapseEquations) -> None:
        self._add(port)
        inject = symbolic(port.inject)
        if inject.has(W):
            entry = symbol(port_name("in", k))
            self.dynamics[entry] = sympy.S.Zero
            self.next[entry] = sympy.S.Zero
            inject = inject.subs(W, entry)
        else:
            entry = symbol(self._entry(port.variables).name)
        self.entry.append(entry)
        self.delta.append(self.next[entry] == 0)
        self.isyn = self.isyn + inject

    def _entry(self, variables: Sequence[Variable]) -> Variable:
        (entry,) = (v for v in variables if v.jump and WEIGHT in names(v.jump))
        others = [v.name for v in variables if v.jump and v is not entry]
        added = sympy.simplify(symbolic(str(entry.jump)) - symbol(entry.name))
        if added != W or others:
            raise EquationError(
                f"{self.where}: a spike may only add its weight to one variable of a "
                f"synapse: '{entry.name} + weight'. Received "
                f"{[v.jump for v in variables if v.jump]}."
            )
        return entry


class Constants:
    """Parts of expressions that do not change in time, each computed once."""

    def __init__(self, dynamic: frozenset[Any]) -> None:
        self.dynamic = dynamic
        self.found: dict[Any, str] = {}
        self._hoisted: dict[Any, Any] = {}

    def hoist(self, expression: Any) -> Any:
        """The expression with its constant parts replaced by named constants."""
        if expression not in self._hoisted:
            self._hoisted[expression] = self._hoist(expression)
        return self._hoisted[expression]

    def _hoist(self, expression: Any) -> Any:
        if expression in self.dynamic or expression in (sympy.true, sympy.false):
            return expression
        if isinstance(expression, sympy.functions.elementary.piecewise.ExprCondPair):
            return expression.func(*(self.hoist(part) for part in expression.args))
        if not expression.free_symbols:
            return expression if expression.is_Number else sympy.Float(expression)
        if not expression.has(*self.dynamic):
            return self._named(expression)
        if isinstance(expression, sympy.Add | sympy.Mul):
            fixed, moving = expression.as_independent(
                *self.dynamic, as_Add=expression.is_Add
            )
            parts = expression.func.make_args(moving)
            if not isinstance(moving, expression.func):
                parts = (moving,)
            hoisted = [self.hoist(part) for part in parts]
            neutral = expression.func.identity
            return expression.func(
                *hoisted, *([] if fixed == neutral else [self.hoist(fixed)])
            )
        return expression.func(*(self.hoist(part) for part in expression.args))

    def _named(self, expression: Any) -> Any:
        if expression.is_Symbol:
            self.found.setdefault(expression, expression.name)
        elif isinstance(expression, sympy.logic.boolalg.Boolean):
            return expression.func(*(self.hoist(part) for part in expression.args))
        elif (-expression) in self.found:
            return -symbol(self.found[-expression])
        elif expression not in self.found:
            self.found[expression] = f"k{len(self.found)}_"
        return symbol(self.found[expression])

    def table(self) -> tuple[Constant, ...]:
        """The constants found, in a fixed order."""
        return tuple(Constant(n, text_of(e)) for e, n in self.found.items())


class _C(C99CodePrinter):  # type: ignore[misc]
    """Prints C in single precision."""

    def __init__(self) -> None:
        super().__init__({"type_aliases": {real: float32}})

    def _print_Pow(self, expression: Any) -> str:
        base, exponent = expression.as_base_exp()
        if exponent.is_Integer and 2 <= abs(int(exponent)) <= 4:
            product = "*".join([f"({self._print(base)})"] * abs(int(exponent)))
            return f"({product})" if exponent > 0 else f"(1.0F/({product}))"
        return str(super()._print_Pow(expression))


_C99 = _C()


def c_of(expression: Any) -> str:
    """The expression as C."""
    return " ".join(str(_C99.doprint(expression)).split())


def _temporaries(prefix: str) -> Iterator[Any]:
    k = 0
    while True:
        yield symbol(f"{prefix}{k}_")
        k += 1


def assignments(
    targets: Iterable[tuple[str, Any]],
    constants: Constants,
    *,
    declare: bool = False,
    prefix: str = "x",
) -> Code:
    """C that assigns expressions to names all at once.

    Args:
        targets: (name, expression) pairs; right-hand sides see the old values.
        constants: where constant parts go.
        declare: whether the names are new locals.
        prefix: start of the names of temporaries.
    """
    pairs = [(n, constants.hoist(e)) for n, e in targets if e != symbol(n)]
    if not pairs:
        return Code()
    shared, results = sympy.cse([e for _, e in pairs], symbols=_temporaries(prefix))
    local = {s for s, _ in shared}
    read = {s for _, e in shared for s in e.free_symbols}
    read |= {s for e in results for s in e.free_symbols}
    lines = [f"const float {s} = {c_of(e)};" for s, e in shared]
    written = [n for n, _ in pairs]
    fresh = {name: f"{name.rstrip('_')}_new_" for name in written}
    direct = declare or len(pairs) == 1
    for (name, _), expression in zip(pairs, results, strict=True):
        start = f"const float {name}" if declare else name
        target = start if direct else f"const float {fresh[name]}"
        lines.append(f"{target} = {c_of(expression)};")
    if not direct:
        lines += [f"{name} = {fresh[name]};" for name in written]
    return Code(
        tuple(lines),
        frozenset(s.name for s in read - local),
        frozenset(written),
    )
