"""Checks of expressions in the syntax tree of a code string."""

from __future__ import annotations

from typing import Any

from ml_genn.errors import EquationError, unknown_name
from ml_genn.model.code_strings.checks.scope import Scope
from ml_genn.model.code_strings.syntax.forms import Forms, literal_value
from ml_genn.model.code_strings.syntax.source import Source
from ml_genn.model.code_strings.syntax.tree import place_of, refusal
from ml_genn.model.code_strings.vocabulary.c_types import (
    KNOWN_TYPES,
    REAL_TYPES,
    c_type,
)
from ml_genn.model.code_strings.vocabulary.functions import (
    FUNCTIONS,
    RANDOM,
    SUGGESTED,
    Function,
)
from ml_genn.model.code_strings.vocabulary.literals import is_integer, single_precision
from ml_genn.model.code_strings.vocabulary.names import TRUTH_VALUES, Name

#: {node without a method: reason why it is refused}
_REASONS = {
    "ArrayRef": "arrays are not supported",
    "ArrayDecl": "arrays are not supported",
    "PtrDecl": "pointers are not supported",
    "FuncDecl": "functions cannot be declared here",
    "StructRef": "structures are not supported",
    "InitList": "a local needs a single value",
    "CompoundLiteral": "a local needs a single value",
    "Label": "labels are not supported",
}
_INTEGER_OPERATORS = frozenset({"%", "&", "|", "^", "<<", ">>"})
_LOGICAL_OPERATORS = frozenset({"==", "!=", "<", ">", "<=", ">=", "&&", "||"})


class ExpressionChecker:
    """Checker of the expressions of one block; nodes without a method are refused.

    Methods for expressions return True if the value is a floating point number.

    Args:
        source: the code string.
        scope: names that the block may use.

    Attributes:
        scope: names that the block uses.
        calls: functions called, in their single-precision spelling.
        forms: nodes that are printed in another form.
    """

    def __init__(self, source: Source, scope: Scope) -> None:
        self.scope = scope
        self.calls: set[str] = set()
        self.forms = Forms()
        self._source = source
        self._effects = 0  # assignments and random numbers so far

    def expression(self, node: Any) -> bool:
        """Checks an expression; returns True if it is a floating point number."""
        kind = type(node).__name__
        method = getattr(self, f"_expr_{kind}", None)
        if method is None:
            raise self._unsupported(node, kind, f"this is not an expression ({kind})")
        return bool(method(node))

    def _refuse(self, node: Any, reason: str) -> EquationError:
        return refusal(self._source, node, reason)

    def _unsupported(self, node: Any, kind: str, otherwise: str) -> EquationError:
        return self._refuse(node, _REASONS.get(kind, otherwise))

    def _named_type(self, node: Any, type_node: Any) -> str:
        words = getattr(type_node.type, "names", [type(type_node.type).__name__])
        c_name = c_type(words)
        if c_name is None:
            place = place_of(self._source, node)
            raise unknown_name("type", " ".join(words), KNOWN_TYPES, where=place)
        return c_name

    def _expr_Constant(self, node: Any) -> bool:
        text = single_precision(node.value)
        if text is None:
            raise self._refuse(
                node, f"the number {node.value} is too large or not supported"
            )
        return not is_integer(text)

    def _expr_ID(self, node: Any) -> bool:
        if node.name in TRUTH_VALUES:
            return False
        return self.scope.read(node).type in REAL_TYPES

    def _write(self, target: Any, *, read: bool) -> Name:
        """Returns the name of an assignment's target.

        Args:
            target: the node.
            read: True if the assignment reads the old value, as ``+=`` does.
        """
        if type(target).__name__ != "ID":
            self.expression(target)
            raise self._refuse(target, "only a variable can be assigned to")
        self._effects += 1
        return self.scope.write(target, read=read)

    def _expr_Assignment(self, node: Any) -> bool:
        name = self._write(node.lvalue, read=node.op != "=")
        target = name.type in REAL_TYPES
        value = self.expression(node.rvalue)
        self._check_operator(
            node, node.op.removesuffix("="), target or value, node.rvalue
        )
        self.forms.convert_operand(node, name.type, value)
        return target

    def _expr_UnaryOp(self, node: Any) -> bool:
        if node.op in ("++", "--", "p++", "p--"):
            name = self._write(node.expr, read=True)
            if name.type == "bool":
                raise self._refuse(node, "a bool cannot be counted up or down")
            return name.type in REAL_TYPES
        if node.op not in ("+", "-", "!", "~"):
            raise self._refuse(node, "pointers are not supported")
        real = self.expression(node.expr)
        if node.op == "~" and real:
            raise self._refuse(node, "'~' needs an integer")
        return real and node.op != "!"

    def _expr_BinaryOp(self, node: Any) -> bool:
        left, right = self.expression(node.left), self.expression(node.right)
        self._check_operator(node, node.op, left or right, node.right)
        return (left or right) and node.op not in _LOGICAL_OPERATORS

    def _check_operator(self, node: Any, operator: str, real: bool, right: Any) -> None:
        """Refuses operands of a wrong kind; marks operators that can be undefined."""
        if real and operator in _INTEGER_OPERATORS:
            hint = "; fmod takes the remainder of floats" if operator == "%" else ""
            raise self._refuse(node, f"'{operator}' needs two integers{hint}")
        if not real and operator in ("/", "%") and literal_value(right) == 0:
            raise self._refuse(node, "this is an integer division by zero")
        if not real:
            self.forms.replace_operator(node, operator, right)

    def _expr_TernaryOp(self, node: Any) -> bool:
        self.expression(node.cond)
        first, second = self.expression(node.iftrue), self.expression(node.iffalse)
        return first or second

    def _expr_ExprList(self, node: Any) -> bool:
        return [self.expression(item) for item in node.exprs][-1]

    def _expr_Cast(self, node: Any) -> bool:
        kind = type(node.to_type.type).__name__
        if kind != "TypeDecl":
            raise self._unsupported(node, kind, "this type is not supported")
        node.to_type.type.quals = []
        real = self.expression(node.expr)
        target = self._named_type(node, node.to_type.type)
        self.forms.convert_operand(node, target, real)
        return target in REAL_TYPES

    def _expr_FuncCall(self, node: Any) -> bool:
        name = getattr(node.name, "name", None)
        if not isinstance(name, str):
            raise self._refuse(node, "only a function can be called")
        function = FUNCTIONS.get(name)
        if function is None:
            if self.scope.has(name):
                raise self._refuse(node, f"'{name}' is not a function")
            place = place_of(self._source, node)
            raise unknown_name("function", name, SUGGESTED, where=place)
        arguments = node.args.exprs if node.args is not None else []
        if len(arguments) != function.arity:
            reason = f"'{name}' takes {function.arity} argument(s)"
            raise self._refuse(node, f"{reason}, got {len(arguments)}")
        return self._call(node, function, arguments)

    def _call(self, node: Any, function: Function, arguments: list[Any]) -> bool:
        before = self._effects
        kinds = [self.expression(argument) for argument in arguments]
        if function.integer_form and not any(kinds):
            if self._effects != before:
                raise self._refuse(
                    node,
                    f"'{node.name.name}' of integers works out its arguments twice; "
                    "give it locals rather than assignments or random numbers",
                )
            self.forms.integer_calls.add(id(node))
            return False
        for position, c_name in function.integer_arguments:
            self.forms.convert(arguments[position], c_name, kinds[position])
        self.calls.add(function.text)
        self._effects += function.text in RANDOM
        return function.real
