"""Expressions of users, parsed through a whitelist of names and functions.

One walk over the syntax tree of Python serves three algebras: SymPy (derivations),
NumPy (numbers) and C. SymPy is imported on first use.
"""

from __future__ import annotations

import ast
import keyword
import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Protocol

import numpy as np

from ml_genn.errors import EquationError, unknown_name

#: Keywords of C++, which no variable may have as its name.
_WORDS = (
    "asm auto bool break case catch char class const constexpr continue default "
    "delete do double else enum explicit extern false float for friend goto if "
    "inline int long mutable namespace new operator private protected public "
    "register return short signed sizeof static struct switch template this throw "
    "true try typedef typename union unsigned using virtual void volatile while "
)
C_WORDS = frozenset(_WORDS.split())

#: {function of expressions: (SymPy name, NumPy function, number of arguments)}
FUNCTIONS: dict[str, tuple[str, Callable[..., Any], int]] = {
    "exp": ("exp", np.exp, 1),
    "log": ("log", np.log, 1),
    "ln": ("log", np.log, 1),
    "sqrt": ("sqrt", np.sqrt, 1),
    "cbrt": ("cbrt", np.cbrt, 1),
    "root": ("root", lambda x, n: np.power(x, 1.0 / n), 2),
    "sin": ("sin", np.sin, 1),
    "cos": ("cos", np.cos, 1),
    "tan": ("tan", np.tan, 1),
    "asin": ("asin", np.arcsin, 1),
    "acos": ("acos", np.arccos, 1),
    "atan": ("atan", np.arctan, 1),
    "atan2": ("atan2", np.arctan2, 2),
    "sinh": ("sinh", np.sinh, 1),
    "cosh": ("cosh", np.cosh, 1),
    "tanh": ("tanh", np.tanh, 1),
    "asinh": ("asinh", np.arcsinh, 1),
    "acosh": ("acosh", np.arccosh, 1),
    "atanh": ("atanh", np.arctanh, 1),
    "sinc": ("sinc", lambda x: np.sinc(np.asarray(x) / np.pi), 1),
    "erf": ("erf", np.vectorize(math.erf), 1),
    "abs": ("Abs", np.abs, 1),
    "sign": ("sign", np.sign, 1),
    "ceil": ("ceiling", np.ceil, 1),
    "min": ("Min", np.minimum, 2),
    "max": ("Max", np.maximum, 2),
}
CONSTANTS = {"pi": np.pi}
LARGEST = float(np.finfo(np.float32).max)  #: largest number in single precision


class Algebra(Protocol):
    """Operations on the values of expressions, besides Python's operators."""

    def name(self, name: str) -> Any:
        """Returns a variable or parameter."""

    def number(self, value: float) -> Any:
        """Returns a number."""

    def call(self, name: str, arguments: list[Any]) -> Any:
        """Returns a function of `FUNCTIONS` of its arguments."""

    def where(self, condition: Any, yes: Any, no: Any) -> Any:
        """Returns one of two values."""

    def both(self, left: Any, right: Any) -> Any:
        """Returns the conjunction of two conditions."""

    def either(self, left: Any, right: Any) -> Any:
        """Returns the disjunction of two conditions."""

    def negate(self, value: Any) -> Any:
        """Returns the negation of a condition."""


BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.Pow: lambda a, b: a**b,
}
COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
}


@lru_cache(maxsize=4096)
def syntax(text: str) -> ast.expr:
    """Returns Python's syntax tree of an expression."""
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise EquationError(
            f"'{text}' is not an expression: {error}. Write it as in Python, for "
            "example '(-v + Isyn) / tau_mem'."
        ) from None


@lru_cache(maxsize=4096)
def names(text: str) -> frozenset[str]:
    """Returns the names of the variables and parameters in an expression."""
    tree = syntax(text)
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return frozenset(
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and id(node) not in called
    ) - frozenset(CONSTANTS)


def check_identifier(name: str, where: str) -> None:
    """Raises EquationError for a name that equations or code cannot use."""
    if (
        not isinstance(name, str)
        or not name.isidentifier()
        or not name.isascii()
        or keyword.iskeyword(name)
        or name in C_WORDS
        or name.endswith("_")
        or name.startswith(("_", "lambda_"))
        or "__" in name
    ):
        raise EquationError(
            f"{where}: {name!r} cannot be used as a name. Use letters, digits and "
            "single underscores, starting with a letter, ending without an "
            "underscore, and no word of Python or C++."
        )
    if name in FUNCTIONS or name in CONSTANTS or name == "where":
        raise EquationError(f"{where}: '{name}' is the name of a function or constant.")


def check_names(text: str, known: frozenset[str], where: str) -> None:
    """Raises an error if an expression has other than ``known`` names.

    Raises:
        UnknownNameError: if a name is not known.
        EquationError: if the expression cannot be parsed.
    """
    for name in sorted(names(text)):
        if name not in known:
            raise unknown_name("name", name, known, where=f"{where}, '{text}'")
    walk(text, _Dry())


def evaluate(text: str, values: Mapping[str, Any]) -> np.ndarray:
    """Returns the value of an expression, in double precision.

    Args:
        text: the expression.
        values: a number or array for each name in it.
    """
    return np.asarray(walk(text, _Numbers(values)), dtype=np.float64)


def symbolic(text: str) -> Any:
    """Returns the expression in SymPy, over real symbols."""
    return walk(text, _symbols())


def walk(text: str, algebra: Algebra) -> Any:
    """The expression rebuilt in an algebra: SymPy, NumPy or C.

    Raises:
        EquationError: if it cannot be parsed, or uses what is not in the tables.
    """
    try:
        return _Visitor(text, algebra).visit(syntax(text))
    except RecursionError:
        raise EquationError(f"'{text[:60]}...' is nested too deeply.") from None


class _Visitor(ast.NodeVisitor):
    """Visitor that builds an expression in an algebra and refuses other syntax."""

    def __init__(self, text: str, algebra: Algebra) -> None:
        self.text = text
        self.algebra = algebra

    def generic_visit(self, node: ast.AST) -> Any:
        raise EquationError(
            f"'{self.text}': {type(node).__name__} is not allowed in an equation. Use "
            "numbers, names, + - * / **, comparisons, where(condition, yes, no) and "
            f"the functions {', '.join(sorted(FUNCTIONS))}."
        )

    def visit_Name(self, node: ast.Name) -> Any:
        if node.id in CONSTANTS:
            return self.algebra.number(CONSTANTS[node.id])
        return self.algebra.name(node.id)

    def visit_Constant(self, node: ast.Constant) -> Any:
        if isinstance(node.value, bool) or not isinstance(node.value, int | float):
            return self.generic_visit(node)
        if not abs(node.value) <= LARGEST:
            raise EquationError(
                f"'{self.text[:60]}': numbers are at most {LARGEST:.1e}, the range of "
                "single precision. Rescale the equation."
            )
        return self.algebra.number(node.value)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> Any:
        value = self.visit(node.operand)
        if isinstance(node.op, ast.USub):
            return -value
        if isinstance(node.op, ast.UAdd):
            return value
        return self.algebra.negate(value)

    def visit_BinOp(self, node: ast.BinOp) -> Any:
        if isinstance(node.op, ast.BitAnd | ast.BitOr):
            return self._logic(isinstance(node.op, ast.BitAnd), [node.left, node.right])
        if type(node.op) not in BINARY:
            return self.generic_visit(node.op)
        return BINARY[type(node.op)](self.visit(node.left), self.visit(node.right))

    def visit_BoolOp(self, node: ast.BoolOp) -> Any:
        return self._logic(isinstance(node.op, ast.And), node.values)

    def _logic(self, conjunction: bool, nodes: list[ast.expr]) -> Any:
        join = self.algebra.both if conjunction else self.algebra.either
        result = self.visit(nodes[0])
        for node in nodes[1:]:
            result = join(result, self.visit(node))
        return result

    def visit_Compare(self, node: ast.Compare) -> Any:
        if len(node.ops) != 1 or type(node.ops[0]) not in COMPARE:
            return self.generic_visit(node)
        compare = COMPARE[type(node.ops[0])]
        return compare(self.visit(node.left), self.visit(node.comparators[0]))

    def visit_Call(self, node: ast.Call) -> Any:
        if not isinstance(node.func, ast.Name) or node.keywords:
            return self.generic_visit(node)
        name = node.func.id
        if name != "where" and name not in FUNCTIONS:
            known = [*FUNCTIONS, "where"]
            raise unknown_name("function", name, known, where=f"'{self.text}'")
        arguments = [self.visit(argument) for argument in node.args]
        expected = 3 if name == "where" else FUNCTIONS[name][2]
        if len(arguments) != expected:
            raise EquationError(
                f"'{self.text}': {name} takes {expected} argument(s), "
                f"received {len(arguments)}."
            )
        if name == "where":
            return self.algebra.where(*arguments)
        return self.algebra.call(name, arguments)


class _Nothing:
    """Value that all operators leave unchanged."""

    def _same(self, *_: Any) -> Any:
        return self

    __add__ = __sub__ = __mul__ = __truediv__ = __pow__ = __neg__ = _same
    __lt__ = __le__ = __gt__ = __ge__ = _same


_NOTHING = _Nothing()


class _Dry:
    """Algebra without values, which only checks the syntax."""

    def name(self, name: str) -> Any:
        return _NOTHING

    def number(self, value: float) -> Any:
        return _NOTHING

    def call(self, name: str, arguments: list[Any]) -> Any:
        return _NOTHING

    def where(self, condition: Any, yes: Any, no: Any) -> Any:
        return _NOTHING

    both = either = lambda self, left, right: _NOTHING

    def negate(self, value: Any) -> Any:
        return _NOTHING


class _Numbers:
    """Algebra of NumPy arrays."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values

    def name(self, name: str) -> Any:
        if name not in self.values:
            raise unknown_name("name", name, self.values)
        return np.asarray(self.values[name], dtype=np.float64)

    def number(self, value: float) -> Any:
        return np.float64(value)

    def call(self, name: str, arguments: list[Any]) -> Any:
        return FUNCTIONS[name][1](*arguments)

    def where(self, condition: Any, yes: Any, no: Any) -> Any:
        return np.where(condition, yes, no)

    def both(self, left: Any, right: Any) -> Any:
        return np.logical_and(left, right)

    def either(self, left: Any, right: Any) -> Any:
        return np.logical_or(left, right)

    def negate(self, value: Any) -> Any:
        return np.logical_not(value)


@lru_cache(maxsize=1)
def _symbols() -> Algebra:
    import sympy

    class StepFunction:
        """Function that is constant between its jumps, so its derivative is 0."""

        def _eval_derivative(self, _: Any) -> Any:
            return sympy.S.Zero

    # SymPy prints functions by the names of their classes.
    class sign(StepFunction, sympy.sign):  # type: ignore[misc]
        pass

    class ceiling(StepFunction, sympy.ceiling):  # type: ignore[misc]
        pass

    functions = {"sign": sign, "ceil": ceiling}

    class Symbols:
        """Algebra of SymPy expressions."""

        def name(self, name: str) -> Any:
            return sympy.Symbol(name, real=True)

        def number(self, value: float) -> Any:
            if value == np.pi:
                return sympy.pi
            return sympy.nsimplify(value) if value == int(value) else sympy.Float(value)

        def call(self, name: str, arguments: list[Any]) -> Any:
            function = functions.get(name) or getattr(sympy, FUNCTIONS[name][0])
            return function(*arguments)

        def where(self, condition: Any, yes: Any, no: Any) -> Any:
            return sympy.Piecewise((yes, condition), (no, True))

        def both(self, left: Any, right: Any) -> Any:
            return sympy.And(left, right)

        def either(self, left: Any, right: Any) -> Any:
            return sympy.Or(left, right)

        def negate(self, value: Any) -> Any:
            return sympy.Not(value)

    return Symbols()
