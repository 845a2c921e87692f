"""C code of SymPy expressions: constants, common subexpressions, assignments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import sympy
from sympy.codegen.ast import float32, real
from sympy.printing.c import C99CodePrinter

from ml_genn.errors import EquationError
from ml_genn.model.derivation.symbolic_system import symbol
from ml_genn.model.equations.sympy_text import expression_text
from ml_genn.model.plan import Code, Constant

#: Powers up to this exponent are printed as products, faster than powf.
LARGEST_PRODUCT = 4


#: constants of SymPy that no real number equals, such as those of 1/0 and sqrt(-1)
_NOT_NUMBERS = (sympy.zoo, sympy.oo, -sympy.oo, sympy.nan, sympy.I)
_NOT_NUMBER = (
    "simplified, the equations contain '{}', which is not a finite real number. Is "
    "there a division by zero, or a function outside of its domain?"
)


def _float_constant(expression: Any) -> Any:
    """Returns an expression without symbols as a number."""
    if expression.has(*_NOT_NUMBERS):
        raise EquationError(_NOT_NUMBER.format(expression))
    value = expression if expression.is_Number else expression.evalf()
    if value.has(*_NOT_NUMBERS):
        raise EquationError(_NOT_NUMBER.format(expression))
    return value


class Constants:
    """Parts of expressions that do not change in time; code reads them by name.

    Each part is evaluated once when a model is loaded, not in every step.

    Args:
        time_dependent: symbols that change in time.
        table: {expression: name} of constants so far; shared with other instances
            whose code reads the same constants.
    """

    def __init__(
        self, time_dependent: frozenset[Any], table: dict[Any, str] | None = None
    ) -> None:
        self.time_dependent = time_dependent
        self._table: dict[Any, str] = {} if table is None else table
        self._hoisted: dict[Any, Any] = {}

    def with_time_dependent(self, symbols: Iterable[Any]) -> Constants:
        """Returns constants of code in which further symbols change in time."""
        return Constants(self.time_dependent.union(symbols), self._table)

    def hoist(self, expression: Any) -> Any:
        """Returns the expression with its constant parts replaced by their names."""
        if expression not in self._hoisted:
            self._hoisted[expression] = self._hoist(expression)
        return self._hoisted[expression]

    def _hoist(self, expression: Any) -> Any:
        if expression in self.time_dependent or expression in (sympy.true, sympy.false):
            return expression
        if isinstance(expression, sympy.functions.elementary.piecewise.ExprCondPair):
            return expression.func(*(self.hoist(part) for part in expression.args))
        if not expression.free_symbols:
            return _float_constant(expression)
        if not expression.has(*self.time_dependent):
            return self._named(expression)
        if isinstance(expression, sympy.Add | sympy.Mul):
            constant, moving = expression.as_independent(
                *self.time_dependent, as_Add=expression.is_Add
            )
            parts = expression.func.make_args(moving)
            if not isinstance(moving, expression.func):
                parts = (moving,)
            hoisted = [self.hoist(part) for part in parts]
            neutral = expression.func.identity
            return expression.func(
                *hoisted, *([] if constant == neutral else [self.hoist(constant)])
            )
        return expression.func(*(self.hoist(part) for part in expression.args))

    def _named(self, expression: Any) -> Any:
        if expression.has(*_NOT_NUMBERS):
            raise EquationError(_NOT_NUMBER.format(expression))
        if expression.is_Symbol:
            self._table.setdefault(expression, expression.name)
        elif isinstance(expression, sympy.logic.boolalg.Boolean):
            return expression.func(*(self.hoist(part) for part in expression.args))
        elif (-expression) in self._table:
            return -symbol(self._table[-expression])
        elif expression not in self._table:
            self._table[expression] = f"k{len(self._table)}_"
        return symbol(self._table[expression])

    def table(self) -> tuple[Constant, ...]:
        """Returns all constants, in the order in which they were hoisted."""
        return tuple(Constant(n, expression_text(e)) for e, n in self._table.items())


class _CPrinter(C99CodePrinter):  # type: ignore[misc]
    """Prints C in single precision."""

    def __init__(self) -> None:
        super().__init__({"type_aliases": {real: float32}})

    def _print_Pow(self, expression: Any) -> str:
        base, exponent = expression.as_base_exp()
        if exponent.is_Integer and 2 <= abs(int(exponent)) <= LARGEST_PRODUCT:
            product = "*".join([f"({self._print(base)})"] * abs(int(exponent)))
            return f"({product})" if exponent > 0 else f"(1.0F/({product}))"
        return str(super()._print_Pow(expression))


_C_PRINTER = _CPrinter()


def c_text(expression: Any) -> str:
    """Returns the expression in C."""
    return " ".join(str(_C_PRINTER.doprint(expression)).split())


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
    """Returns C that assigns expressions to names, all of them simultaneously.

    Subexpressions that occur more than once are computed once.

    Args:
        targets: (name, expression) pairs; right-hand sides read the old values.
        constants: constants of the code; new ones are added.
        declare: true if the names are declared as new locals.
        prefix: start of the names of temporaries.
    """
    pairs = [(n, constants.hoist(e)) for n, e in targets if e != symbol(n)]
    if not pairs:
        return Code()
    subexpressions, results = sympy.cse(
        [e for _, e in pairs], symbols=_temporaries(prefix)
    )
    local = {s for s, _ in subexpressions}
    read = {s for _, e in subexpressions for s in e.free_symbols}
    read |= {s for e in results for s in e.free_symbols}
    lines = [f"const float {s} = {c_text(e)};" for s, e in subexpressions]
    written = [n for n, _ in pairs]
    new_names = {name: f"{name.rstrip('_')}_new_" for name in written}
    direct = declare or len(pairs) == 1
    for (name, _), expression in zip(pairs, results, strict=True):
        start = f"const float {name}" if declare else name
        target = start if direct else f"const float {new_names[name]}"
        lines.append(f"{target} = {c_text(expression)};")
    if not direct:
        lines += [f"{name} = {new_names[name]};" for name in written]
    return Code(
        tuple(lines),
        frozenset(s.name for s in read - local),
        frozenset(written),
    )
