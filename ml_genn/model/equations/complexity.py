"""Bounds on the expressions of users, so that derivations of them end soon.

SymPy evaluates powers of numbers exactly and expands products, which takes time and
memory without a bound: ``9**9**9`` has 370 million digits. Expressions are therefore
measured, in an algebra of `ml_genn.model.equations.expression.walk`, before SymPy sees
them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import reduce
from operator import add, mul, sub, truediv
from typing import Any

import numpy as np

from ml_genn.errors import EquationError
from ml_genn.model.equations.expression import FUNCTIONS, walk

#: Bounds of an expression, several times those of the largest published neuron models.
MAX_CHARACTERS = 4000
MAX_OPERATIONS = 300  #: operators, functions, names and numbers
MAX_TERMS = 200  #: terms of a sum after products and powers are multiplied out
MAX_CALL_DEPTH = 6  #: functions within arguments of functions; derivatives double them
MAX_BRANCHES = 8  #: where(...), of which derivatives form all combinations
MAX_CONDITION_DEPTH = 2  #: where(...) in conditions of where(...)
MAX_EXPONENT = 64  #: constant exponents
MAX_NUMBER = float(np.finfo(np.float32).max)  #: generated code has single precision


def check_complexity(text: str, where: str) -> None:
    """Raises an error if an expression is no number, or too large to derive from.

    Args:
        text: the expression.
        where: start of error messages.

    Raises:
        EquationError: if it is not a number, if a constant in it is not a finite number
            in single precision, or if it exceeds one of the bounds of this module.
    """
    try:
        if len(text) > MAX_CHARACTERS:
            raise EquationError(f"it has more than {MAX_CHARACTERS:,} characters")
        measure = walk(text, _Measures())
        _number(measure, "the expression")
    except EquationError as error:
        shown = text if len(text) <= 100 else f"{text[:100]}..."
        reason = str(error).removeprefix(f"'{text}'").lstrip(": ")
        raise EquationError(f"{where}, '{shown}': {reason}") from None


@dataclass(frozen=True, slots=True)
class _Measure:
    """Size of an expression.

    Attributes:
        operations: number of operators, functions, names and numbers.
        terms: terms of the sum that it is when multiplied out.
        calls: depth of functions in functions.
        branches: number of where(...).
        condition_depth: depth of where(...) in conditions.
        constant: its value, if it has no names.
        condition: True if it is a condition, False for a number.
    """

    operations: int = 1
    terms: int = 1
    calls: int = 0
    branches: int = 0
    condition_depth: int = 0
    constant: float | None = None
    condition: bool = False

    def __add__(self, other: _Measure) -> _Measure:
        return _sum(add, self, other)

    def __sub__(self, other: _Measure) -> _Measure:
        return _sum(sub, self, other)

    def __mul__(self, other: _Measure) -> _Measure:
        terms = self.terms * other.terms
        return _bounded(_joined(mul, self, other), terms=terms)

    def __truediv__(self, other: _Measure) -> _Measure:
        if other.constant == 0:
            raise EquationError("it divides by zero.")
        terms = self.terms * other.terms
        return _bounded(_joined(truediv, self, other), terms=terms)

    def __pow__(self, other: _Measure) -> _Measure:
        exponent = other.constant
        if exponent is None:
            return _joined(pow, self, other)
        if self.constant is None and abs(exponent) > MAX_EXPONENT:
            raise EquationError(
                f"the exponent {exponent:g} is larger than {MAX_EXPONENT}."
            )
        factors = math.ceil(abs(exponent)) if self.terms > 1 else 0
        terms = math.comb(self.terms + factors - 1, factors)
        return _bounded(_joined(pow, self, other), terms=terms)

    def __neg__(self) -> _Measure:
        return _joined(lambda x: -x, self)

    def _compare(self, other: _Measure) -> _Measure:
        joined = _joined(sub, self, other)
        return replace(joined, condition=True, constant=None)

    __lt__ = __le__ = __gt__ = __ge__ = _compare


class _Measures:
    """Algebra of the sizes of expressions."""

    def name(self, name: str) -> _Measure:
        return _Measure()

    def number(self, value: float) -> _Measure:
        return _Measure(constant=_checked_constant(lambda: value))

    def call(self, name: str, arguments: list[_Measure]) -> _Measure:
        joined = _joined(FUNCTIONS[name][1], *arguments)
        return _bounded(joined, calls=joined.calls + 1)

    def where(self, condition: _Measure, yes: _Measure, no: _Measure) -> _Measure:
        if not condition.condition:
            raise EquationError(
                "the first argument of where is not a condition. Compare two numbers, "
                "as in where(v > 0, 1, 0)."
            )
        number = replace(condition, condition=False)
        joined = replace(_joined(None, number, yes, no), constant=None)
        return _bounded(
            joined,
            branches=joined.branches + 1,
            condition_depth=max(joined.condition_depth, condition.condition_depth + 1),
            terms=yes.terms + no.terms,
        )

    def both(self, left: _Measure, right: _Measure) -> _Measure:
        for part in (left, right):
            if not part.condition:
                raise EquationError("'and', 'or' and 'not' take conditions only.")
        parts = [replace(part, condition=False) for part in (left, right)]
        return replace(_joined(None, *parts), condition=True)

    either = both

    def negate(self, value: _Measure) -> _Measure:
        return self.both(value, value)


def _number(measure: _Measure, name: str) -> None:
    if measure.condition:
        raise EquationError(
            f"{name} is a condition, not a number. Use where(condition, 1, 0)."
        )


def _joined(function: Callable[..., Any] | None, *parts: _Measure) -> _Measure:
    """Returns the measure of a function of numbers."""
    for part in parts:
        _number(part, "an operand")
    constant = None
    if function is not None and all(part.constant is not None for part in parts):
        values = [part.constant for part in parts]
        constant = _checked_constant(lambda: function(*values))
    return _bounded(
        _Measure(
            operations=1 + sum(part.operations for part in parts),
            calls=max(part.calls for part in parts),
            branches=sum(part.branches for part in parts),
            condition_depth=max(part.condition_depth for part in parts),
            constant=constant,
        )
    )


def _sum(function: Callable[..., Any], *parts: _Measure) -> _Measure:
    terms = reduce(add, (part.terms for part in parts))
    return _bounded(_joined(function, *parts), terms=terms)


def _checked_constant(value: Callable[[], Any]) -> float:
    try:
        with np.errstate(all="ignore"):
            number = float(value())
    except (ArithmeticError, TypeError, ValueError):
        number = math.nan
    if not abs(number) <= MAX_NUMBER:
        raise EquationError(
            "a constant in it is not a finite number of at most "
            f"{MAX_NUMBER:.3g}, the largest one in single precision."
        )
    return number


def _bounded(measure: _Measure, **changes: Any) -> _Measure:
    """Returns a changed measure; raises EquationError if it exceeds a bound."""
    measure = replace(measure, **changes)
    for value, bound, name in (
        (measure.operations, MAX_OPERATIONS, "operators, functions, names and numbers"),
        (measure.terms, MAX_TERMS, "terms when it is multiplied out"),
        (measure.calls, MAX_CALL_DEPTH, "functions inside functions"),
        (measure.branches, MAX_BRANCHES, "branches (where)"),
        (measure.condition_depth, MAX_CONDITION_DEPTH, "levels of where in conditions"),
    ):
        if value > bound:
            raise EquationError(
                f"it has more than {bound} {name}. Simplify it, or divide it over "
                "several variables."
            )
    return measure
