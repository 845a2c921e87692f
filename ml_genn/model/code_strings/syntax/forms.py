"""Nodes of a syntax tree that are printed in another form than their own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ml_genn.model.code_strings.vocabulary.c_types import INTEGER_TYPES
from ml_genn.model.code_strings.vocabulary.literals import is_integer
from ml_genn.model.code_strings.vocabulary.safe_integers import SAFE_FUNCTIONS

#: smallest width of integers in arithmetic [bits]
_LEAST_WIDTH = 32


@dataclass(slots=True)
class Forms:
    """Nodes, by their ids, for which text replaces operators, calls and conversions.

    Attributes:
        integer_calls: calls that are printed in the function's integer form.
        conversions: {floating point expression: integer type that it is converted to}.
        inner_conversions: {cast or assignment: integer type that its floating point
            operand is converted to}.
        functions: {operator or assignment: function that replaces the operator}.
    """

    integer_calls: set[int] = field(default_factory=set)
    conversions: dict[int, str] = field(default_factory=dict)
    inner_conversions: dict[int, str] = field(default_factory=dict)
    functions: dict[int, str] = field(default_factory=dict)

    def convert(self, node: Any, target: str, real: bool) -> None:
        """Marks an expression that is converted to a type.

        Args:
            node: the expression.
            target: the type.
            real: True if the expression is a floating point number.
        """
        if real and target in INTEGER_TYPES:
            self.conversions[id(node)] = target

    def convert_operand(self, node: Any, target: str, real: bool) -> None:
        """Marks a cast or assignment to a type whose operand may be real."""
        if real and target in INTEGER_TYPES:
            self.inner_conversions[id(node)] = target

    def replace_operator(self, node: Any, operator: str, right: Any) -> None:
        """Marks an operator of two integers that is undefined for some of them.

        Args:
            node: the operator, or an assignment that contains it.
            operator: the operator.
            right: its right operand.
        """
        if operator in SAFE_FUNCTIONS and not _is_safe(operator, right):
            self.functions[id(node)] = SAFE_FUNCTIONS[operator]


def _is_safe(operator: str, right: Any) -> bool:
    """Returns True if a literal operand makes the operator defined for all others."""
    value = literal_value(right)
    if value is None:
        return False
    return value < _LEAST_WIDTH if operator in ("<<", ">>") else value > 0


def literal_value(node: Any) -> int | None:
    """Returns the value of a decimal integer literal; None for other nodes."""
    if type(node).__name__ != "Constant" or not is_integer(node.value):
        return None
    digits = node.value.rstrip("uUlL")
    if digits.startswith("0") and digits.strip("0"):
        return None  # octal and hexadecimal
    return int(digits)
