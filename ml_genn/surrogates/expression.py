"""A surrogate gradient from the user's own expression."""

from __future__ import annotations

from typing import Any

from ml_genn.errors import ValidationError
from ml_genn.model.equations.expression import check_names
from ml_genn.model.rules import CROSSING
from ml_genn.surrogates.surrogate import Surrogate
from ml_genn.utils.checks import shown


class Expression(Surrogate):
    """A slope given as an expression over ``u``.

    Args:
        slope: a string such as "1 / (1 + 25 * abs(u))**2", or a SymPy expression.

    Raises:
        EquationError, UnknownNameError: if it cannot be understood.
    """

    def __init__(self, slope: Any) -> None:
        if not isinstance(slope, str | int | float) and not hasattr(
            slope, "free_symbols"
        ):
            raise ValidationError(
                "Expression: slope is an expression over 'u', as text or in SymPy. "
                f"Received {shown(slope)}."
            )
        self._slope = str(slope).replace("Abs(", "abs(")
        check_names(self._slope, frozenset({CROSSING}), "Surrogate")

    def slope(self) -> str:
        """The slope."""
        return self._slope

    def parameters(self) -> dict[str, float]:
        """None: numbers are part of the expression."""
        return {}

    def config_arguments(self) -> dict[str, str]:
        """What it was made with."""
        return {"slope": self._slope}

    def __repr__(self) -> str:
        return f"Expression({self._slope!r})"
