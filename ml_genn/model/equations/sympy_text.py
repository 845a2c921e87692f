"""SymPy expressions as text in the grammar of `ml_genn.model.equations.expression`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy
from sympy.printing.str import StrPrinter

from ml_genn.model.equations.expression import symbolic


class _Text(StrPrinter):  # type: ignore[misc]
    """Printer of the functions whose names differ from those of SymPy."""

    def _print_Piecewise(self, expression: Any) -> str:
        *cases, (last, _) = expression.args
        text = self._print(last)
        for value, condition in reversed(cases):
            text = f"where({self._print(condition)}, {self._print(value)}, {text})"
        return str(text)

    def _print_Abs(self, expression: Any) -> str:
        return f"abs({self._print(expression.args[0])})"

    def _print_ceiling(self, expression: Any) -> str:
        return f"ceil({self._print(expression.args[0])})"

    def _print_Max(self, expression: Any) -> str:
        return self._nested("max", expression.args)

    def _print_Min(self, expression: Any) -> str:
        return self._nested("min", expression.args)

    def _nested(self, name: str, arguments: Sequence[Any]) -> str:
        text = self._print(arguments[0])
        for argument in arguments[1:]:
            text = f"{name}({text}, {self._print(argument)})"
        return str(text)

    def _print_Exp1(self, expression: Any) -> str:
        return "exp(1)"


_TEXT = _Text()


def expression_text(expression: Any) -> str:
    """Returns the text of a SymPy expression."""
    return str(_TEXT.doprint(expression))


def derivative_text(text: str, name: str) -> str:
    """Returns the derivative of an expression by one of its variables."""
    return expression_text(sympy.diff(symbolic(text), sympy.Symbol(name, real=True)))
