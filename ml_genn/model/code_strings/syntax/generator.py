"""C in single precision from a checked syntax tree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from functools import cache
from importlib import import_module
from textwrap import dedent
from typing import Any

from ml_genn.model.code_strings.syntax.forms import Forms
from ml_genn.model.code_strings.vocabulary.c_types import c_type
from ml_genn.model.code_strings.vocabulary.functions import FUNCTIONS
from ml_genn.model.code_strings.vocabulary.literals import single_precision
from ml_genn.model.code_strings.vocabulary.names import Name
from ml_genn.model.code_strings.vocabulary.safe_integers import (
    CONVERSIONS,
    LOOP_CONTINUES,
)

#: operators whose value is 0 or 1
_TRUTH_OPERATORS = frozenset({"==", "!=", "<", ">", "<=", ">=", "&&", "||", "!"})


def statements_text(
    items: Sequence[Any], names: Mapping[str, Name], forms: Forms
) -> str:
    """Returns statements as text.

    Args:
        items: the statements, checked.
        names: names of the model and of the simulator.
        forms: nodes that are printed in another form.
    """
    generator = _generator_class()(names, forms)
    tree: Any = import_module("pycparser.c_ast")
    body = str(generator.visit(tree.Compound(list(items)))).splitlines()
    return dedent("\n".join(line for line in body[1:-1] if line.strip()))


def condition_text(item: Any, names: Mapping[str, Name], forms: Forms) -> str:
    """Returns a condition as text that can be an operand and is 0 or 1.

    Arguments as for `statements_text`.
    """
    text = str(_generator_class()(names, forms).visit(item))
    return text if getattr(item, "op", "") in _TRUTH_OPERATORS else f"({text}) != 0"


class _SinglePrecision:
    """Spellings in single precision, for a subclass that also has pycparser's methods.

    Args:
        names: names of the model and of the simulator.
        forms: nodes that are printed in another form.
    """

    def __init__(self, names: Mapping[str, Name], forms: Forms) -> None:
        super().__init__()
        self.names = names
        self.forms = forms

    def visit(self, node: Any) -> str:
        text = self._as_written("", node)
        target = self.forms.conversions.get(id(node))
        return text if target is None else f"{CONVERSIONS[target]}({text})"

    def visit_Constant(self, n: Any) -> str:
        return single_precision(n.value) or ""

    def visit_ID(self, n: Any) -> str:
        name = self.names.get(n.name)
        if name is not None and name.convert:
            function = CONVERSIONS.get(name.type)
            return f"{function}({n.name})" if function else f"({n.name} != 0)"
        return str(n.name)

    def visit_IdentifierType(self, n: Any) -> str:
        return c_type(n.names) or ""

    def visit_FuncCall(self, n: Any) -> str:
        function = FUNCTIONS[n.name.name]
        if id(n) in self.forms.integer_calls:
            arguments = [self.visit(argument) for argument in n.args.exprs]
            return function.integer_form.format(*arguments)
        listing = self.visit(n.args) if n.args is not None else ""
        return f"{function.text}({listing})"

    def visit_Cast(self, n: Any) -> str:
        target = self.forms.inner_conversions.get(id(n))
        if target is None:
            return self._as_written("Cast", n)
        return f"{CONVERSIONS[target]}({self.visit(n.expr)})"

    def visit_BinaryOp(self, n: Any) -> str:
        function = self.forms.functions.get(id(n))
        if function is None:
            return self._as_written("BinaryOp", n)
        return f"{function}({self._operand(n.left)}, {self._operand(n.right)})"

    def visit_Assignment(self, n: Any) -> str:
        function = self.forms.functions.get(id(n))
        target = self.forms.inner_conversions.get(id(n))
        if function is None and target is None:
            return self._as_written("Assignment", n)
        name, value = self.visit(n.lvalue), self._operand(n.rvalue)
        if function is not None:
            value = f"{function}({name}, {value})"
        elif n.op != "=":
            value = f"{name} {n.op.removesuffix('=')} ({value})"
        if target is not None:
            value = f"{CONVERSIONS[target]}({value})"
        return f"{name} = {value}"

    def _as_written(self, kind: str, n: Any) -> str:
        """Returns a node in the spelling of pycparser."""
        method = getattr(super(), f"visit_{kind}" if kind else "visit")
        return str(method(n))

    def _operand(self, n: Any) -> str:
        """Returns an expression as one argument of a function."""
        text = self.visit(n)
        return f"({text})" if type(n).__name__ == "ExprList" else text

    def visit_While(self, n: Any) -> str:
        return self._as_written("While", _counted(n))

    def visit_DoWhile(self, n: Any) -> str:
        return self._as_written("DoWhile", _counted(n))

    def visit_For(self, n: Any) -> str:
        return self._as_written("For", _counted(n))


@cache
def _generator_class() -> Any:
    """Returns pycparser's generator with single-precision spellings.

    The class is made on first use, so that importing this module does not import
    pycparser.
    """
    base: Any = import_module("pycparser.c_generator").CGenerator
    return type("SinglePrecisionGenerator", (_SinglePrecision, base), {})


def _counted(loop: Any) -> Any:
    """Returns a loop whose condition counts its iterations first."""
    tree: Any = import_module("pycparser.c_ast")
    counts = tree.ID(f"{LOOP_CONTINUES}()")
    counted = copy(loop)
    counted.cond = (
        counts if loop.cond is None else tree.BinaryOp("&&", counts, loop.cond)
    )
    return counted
