"""Expressions of users as C in single precision, printed without SymPy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ml_genn.errors import EquationError
from ml_genn.model.equations.expression import walk

#: Precedence of C operators; an operand of lower precedence is put in parentheses.
_TERNARY, _OR, _AND, _COMPARISON, _SUM, _PRODUCT, _UNARY, _ATOM = range(8)
#: Functions whose C name is not the name itself with an ``f`` at the end.
_C_NAMES = {"ln": "logf", "abs": "fabsf", "min": "fminf", "max": "fmaxf"}
#: Functions that C does not have.
_NOT_IN_C = frozenset({"root", "sinc"})
#: Powers up to this exponent are written as products.
_MAX_PRODUCT = 4


@dataclass(frozen=True, slots=True)
class CExpression:
    """C text of an expression and the precedence of its outermost operator."""

    text: str
    precedence: int = _ATOM

    def within(self, precedence: int) -> str:
        """The text as an operand, in parentheses if the operator binds more tightly."""
        return self.text if self.precedence >= precedence else f"({self.text})"

    def as_factor(self) -> str:
        """The text as a factor of a product."""
        return self.within(_PRODUCT)

    def _binary(
        self, symbol: str, other: CExpression, precedence: int, right: int
    ) -> CExpression:
        left_text, right_text = self.within(precedence), other.within(right)
        return CExpression(f"{left_text} {symbol} {right_text}", precedence)

    def __add__(self, other: CExpression) -> CExpression:
        return self._binary("+", other, _SUM, _SUM)

    def __sub__(self, other: CExpression) -> CExpression:
        return self._binary("-", other, _SUM, _PRODUCT)

    def __mul__(self, other: CExpression) -> CExpression:
        return self._binary("*", other, _PRODUCT, _PRODUCT)

    def __truediv__(self, other: CExpression) -> CExpression:
        return self._binary("/", other, _PRODUCT, _UNARY)

    def __neg__(self) -> CExpression:
        return CExpression(f"-{self.within(_UNARY)}", _UNARY)

    def __pow__(self, other: CExpression) -> CExpression:
        exponent = other.text.removesuffix(".0f")
        if exponent.isdigit() and 1 <= int(exponent) <= _MAX_PRODUCT:
            factors = [self.within(_UNARY)] * int(exponent)
            return CExpression(" * ".join(factors), _PRODUCT)
        return CExpression(f"powf({self.text}, {other.text})")

    def __lt__(self, other: CExpression) -> CExpression:
        return self._binary("<", other, _COMPARISON, _SUM)

    def __le__(self, other: CExpression) -> CExpression:
        return self._binary("<=", other, _COMPARISON, _SUM)

    def __gt__(self, other: CExpression) -> CExpression:
        return self._binary(">", other, _COMPARISON, _SUM)

    def __ge__(self, other: CExpression) -> CExpression:
        return self._binary(">=", other, _COMPARISON, _SUM)


class _C:
    """Algebra of C expressions, for `ml_genn.model.equations.expression.walk`."""

    def __init__(self, suffix: str) -> None:
        self.suffix = suffix

    def name(self, name: str) -> CExpression:
        return CExpression(f"{name}{self.suffix}")

    def number(self, value: float) -> CExpression:
        return CExpression(f"{float(value)!r}f")

    def call(self, name: str, arguments: list[Any]) -> CExpression:
        if name in _NOT_IN_C:
            raise EquationError(f"C has no function '{name}'. Write it with powers.")
        if name == "sign":
            (x,) = arguments
            zero = CExpression("0.0f")
            minus = self.where(x < zero, CExpression("-1.0f"), zero)
            return self.where(x > zero, CExpression("1.0f"), minus)
        texts = ", ".join(argument.text for argument in arguments)
        return CExpression(f"{_C_NAMES.get(name, f'{name}f')}({texts})")

    def where(self, condition: Any, yes: Any, no: Any) -> CExpression:
        parts = condition.within(_OR), yes.within(_OR), no.within(_OR)
        return CExpression("{} ? {} : {}".format(*parts), _TERNARY)

    def both(self, left: Any, right: Any) -> CExpression:
        return CExpression(f"{left.within(_AND)} && {right.within(_AND)}", _AND)

    def either(self, left: Any, right: Any) -> CExpression:
        return CExpression(f"{left.within(_OR)} || {right.within(_COMPARISON)}", _OR)

    def negate(self, value: Any) -> CExpression:
        return CExpression(f"!{value.within(_UNARY)}", _UNARY)


def c_expression(text: str, suffix: str = "") -> CExpression:
    """Returns the C of an expression over ``float`` variables.

    Args:
        text: the expression.
        suffix: end that the names of variables get in C; empty by default.

    Raises:
        EquationError: if it cannot be parsed, or C lacks one of its functions.
    """
    expression: CExpression = walk(text, _C(suffix))
    return expression
