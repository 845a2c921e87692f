"""C in single precision from a checked syntax tree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cache
from importlib import import_module
from textwrap import dedent
from typing import Any

from ml_genn.model.code_strings.vocabulary.c_types import c_type
from ml_genn.model.code_strings.vocabulary.functions import FUNCTIONS
from ml_genn.model.code_strings.vocabulary.literals import single_precision
from ml_genn.model.code_strings.vocabulary.names import Name


def statements_text(
    items: Sequence[Any], names: Mapping[str, Name], integer_calls: AbstractSet[int]
) -> str:
    """Returns statements as text.

    Args:
        items: the statements, checked.
        names: names of the model and of the simulator.
        integer_calls: ids of the calls that are printed in the function's integer form.
    """
    generator = _generator_class()(names, integer_calls)
    tree: Any = import_module("pycparser.c_ast")
    body = str(generator.visit(tree.Compound(list(items)))).splitlines()
    return dedent("\n".join(line for line in body[1:-1] if line.strip()))


def condition_text(
    item: Any, names: Mapping[str, Name], integer_calls: AbstractSet[int]
) -> str:
    """Returns a condition as text that can be an operand; arguments as above."""
    text = str(_generator_class()(names, integer_calls).visit(item))
    return f"({text})" if type(item).__name__ == "ExprList" else text


@cache
def _generator_class() -> Any:
    """Returns pycparser's generator with single-precision spellings.

    The class is made on first use, so that importing this module does not import
    pycparser.
    """
    base: Any = import_module("pycparser.c_generator").CGenerator

    class SinglePrecisionGenerator(base):  # type: ignore[misc]
        def __init__(
            self, names: Mapping[str, Name], integer_calls: AbstractSet[int]
        ) -> None:
            super().__init__()
            self.names = names
            self.integer_calls = integer_calls

        def visit_Constant(self, n: Any) -> str:
            return single_precision(n.value) or ""

        def visit_ID(self, n: Any) -> str:
            name = self.names.get(n.name)
            if name is not None and name.convert:
                return f"(({name.type}) {n.name})"
            return str(n.name)

        def visit_IdentifierType(self, n: Any) -> str:
            return c_type(n.names) or ""

        def visit_FuncCall(self, n: Any) -> str:
            function = FUNCTIONS[n.name.name]
            if id(n) in self.integer_calls:
                arguments = [self.visit(argument) for argument in n.args.exprs]
                return function.integer_form.format(*arguments)
            listing = self.visit(n.args) if n.args is not None else ""
            return f"{function.text}({listing})"

    return SinglePrecisionGenerator
