"""Surrogate derivative from an expression of the user."""

from __future__ import annotations

from typing import Any

from ml_genn.errors import ValidationError
from ml_genn.model.equations import THRESHOLD_EXPRESSION
from ml_genn.model.equations.complexity import check_complexity
from ml_genn.model.equations.expression import check_names
from ml_genn.surrogates.surrogate import Surrogate
from ml_genn.utils.checks import number, shown


class Expression(Surrogate):
    """Surrogate derivative written as an expression over ``u``.

    Args:
        slope: a string such as "1 / (1 + 25 * abs(u))**2", or a SymPy expression.

    Raises:
        EquationError, UnknownNameError: if it cannot be parsed or mentions other names.
    """

    def __init__(self, slope: Any) -> None:
        if not isinstance(slope, str | int | float) and not hasattr(
            slope, "free_symbols"
        ):
            raise ValidationError(
                "Expression: slope is an expression over 'u', as text or in SymPy. "
                f"Received {shown(slope)}."
            )
        if isinstance(slope, int | float):
            slope = number("Expression: slope", slope)
        self._text = str(slope).replace("Abs(", "abs(")
        check_complexity(self._text, "Surrogate")
        check_names(self._text, frozenset({THRESHOLD_EXPRESSION}), "Surrogate")

    def derivative(self) -> str:
        """Returns the surrogate derivative as an expression over ``u``."""
        return self._text

    def parameters(self) -> dict[str, float]:
        """Returns no parameters: numbers are part of the expression."""
        return {}

    def config_arguments(self) -> dict[str, str]:
        """Returns the arguments of the constructor, as files store them."""
        return {"slope": self._text}

    def __repr__(self) -> str:
        return f"Expression({self._text!r})"
