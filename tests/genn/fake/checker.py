"""Type checker of code strings: names, types and constness, as GeNN checks them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from genn.fake.language import CodeError, Node

FLOATS = frozenset({"float", "double", "scalar", "timepoint"})
_UNARY = (
    "cos sin tan acos asin atan cosh sinh tanh acosh asinh atanh exp expm1 exp2 log "
    "log1p log2 log10 sqrt cbrt ceil floor round rint trunc nearbyint fabs erf erfc "
    "tgamma lgamma"
)
_BINARY = "atan2 pow fmod remainder nextafter fdim fmax fmin copysign"
#: {function: number of arguments}
FUNCTIONS: dict[str, int] = {
    **dict.fromkeys(_UNARY.split(), 1),
    **dict.fromkeys(_BINARY.split(), 2),
    **dict.fromkeys(["scalbn", "ldexp", "min", "max"], 2),
    **{"fma": 3, "ilogb": 1, "abs": 1},
}
#: Functions without an overload for integers on GPUs.
REAL_ARGUMENTS = frozenset((*_UNARY.split(), *_BINARY.split(), "fma"))
RANDOM = dict.fromkeys(
    ["gennrand", "gennrand_uniform", "gennrand_normal", "gennrand_exponential"], 0
)


@dataclass(frozen=True, slots=True)
class Name:
    """Name that code may use.

    Args:
        type: its C type; one that ends in ``*`` has to be indexed.
        writable: True if code may assign it.
        reduced: True if code may assign it with ``=`` only, and not read it.
        delayed: True if code may read it some steps back, as ``name[steps]``.
    """

    type: str
    writable: bool = False
    reduced: bool = False
    delayed: bool = False


class Checker:
    """Checker of one code string.

    Args:
        names: names that the code may use.
        functions: {function of the context: number of arguments}.

    Attributes:
        scopes: names of each open block, the outermost first.
        plain, indexed: delayed names that are read without, and with, a delay.
    """

    def __init__(
        self, names: Mapping[str, Name], functions: Mapping[str, int] | None = None
    ) -> None:
        self.scopes: list[dict[str, Name]] = [dict(names)]
        self.functions = {**FUNCTIONS, **(functions or {})}
        self.plain: set[str] = set()
        self.indexed: set[str] = set()

    def run(self, statements: Iterable[Node]) -> dict[str, Name]:
        """Checks statements, and returns the locals at the top level."""
        self.scopes.append({})
        for statement in statements:
            self.statement(statement)
        both = self.plain & self.indexed
        if both:
            raise CodeError(f"with and without a delay: {sorted(both)}")
        return self.scopes[-1]

    def find(self, name: str) -> Name:
        for scope in reversed(self.scopes):
            if name in scope:
                return scope[name]
        raise CodeError(f"unknown name '{name}'")

    def statement(self, node: Node) -> None:
        getattr(self, f"_statement_{node[0]}")(*node[1:])

    def _statement_block(self, statements: Iterable[Node]) -> None:
        self.scopes.append({})
        for inner in statements:
            self.statement(inner)
        self.scopes.pop()

    def _statement_declare(
        self, type_: str, const: bool, declared: Iterable[tuple[str, Node | None]]
    ) -> None:
        for name, value in declared:
            if value is not None:
                self.numeric(value)
            # GeNN copies the names of enclosing blocks into a block.
            if any(name in scope for scope in self.scopes[1:]):
                raise CodeError(f"Error at '{name}': Redeclaration of variable")
            self.scopes[-1][name] = Name(type_, writable=not const)

    def _statement_if(self, condition: Node, *parts: Node | None) -> None:
        self.numeric(condition)
        for part in parts:
            if part is not None:
                self.statement(part)

    def _statement_for(
        self, first: Node | None, condition: Node, step: Node | None, body: Node
    ) -> None:
        self.scopes.append({})
        if first is not None:
            self.statement(first)
        self.numeric(condition)
        if step is not None:
            self.expression(step)
        self.statement(body)
        self.scopes.pop()

    def _statement_expression(self, node: Node) -> None:
        self.expression(node)

    def numeric(self, node: Node) -> str:
        """Checks that an expression is a number, and returns its type."""
        type_ = self.expression(node)
        if type_ in ("", "void") or type_.endswith("*"):
            raise CodeError(f"a number is needed, not {type_ or node!r}")
        return type_

    def integer(self, node: Node) -> str:
        """Checks that an expression is a whole number, and returns its type."""
        type_ = self.numeric(node)
        if type_ in FLOATS:
            raise CodeError(f"a whole number is needed: {node}")
        return type_

    def expression(self, node: Node) -> str:
        """Checks an expression, and returns its type."""
        return str(getattr(self, f"_{node[0]}")(*node[1:]))

    def _number(self, _: object, type_: str) -> str:
        return type_

    def _name(self, name: str) -> str:
        declared = self.find(name)
        if declared.reduced:
            raise CodeError(f"'{name}' is only assigned to")
        if declared.delayed:
            self.plain.add(name)
        return declared.type

    def _unary(self, operator: str, node: Node) -> str:
        type_ = self.integer(node) if operator == "~" else self.numeric(node)
        return "int" if operator == "!" else type_

    def _binary(self, operator: str, left: Node, right: Node) -> str:
        if operator in ("%", "&", "|", "^", "<<"):
            return self.integer(left) if self.integer(right) else ""
        types = {self.numeric(left), self.numeric(right)}
        if operator in ("&&", "||", "==", "!=", "<", ">", "<=", ">="):
            return "int"
        return _common_type(types)

    def _choose(self, condition: Node, yes: Node, no: Node) -> str:
        self.numeric(condition)
        return _common_type({self.numeric(yes), self.numeric(no)})

    def _cast(self, type_: str, node: Node) -> str:
        self.numeric(node)
        return type_

    def _call(self, name: str, arguments: list[Node]) -> str:
        if name not in self.functions:
            raise CodeError(f"unknown function '{name}'")
        if len(arguments) != self.functions[name]:
            raise CodeError(f"{name} takes {self.functions[name]} arguments")
        are_integers = [self.numeric(a) not in FLOATS for a in arguments]
        if name == "abs" and not all(are_integers):
            raise CodeError("abs is for whole numbers")
        if name in ("min", "max") and len({*are_integers}) > 1:
            raise CodeError(f"{name} has no overload for two types on a GPU")
        if name in REAL_ARGUMENTS and any(are_integers):
            raise CodeError(f"{name} has no overload for integers on a GPU")
        if name in ("abs", "ilogb") or (name in ("min", "max") and all(are_integers)):
            return "int"
        is_void = name.startswith(("addTo", "atomic_add_")) or name == "injectCurrent"
        return "void" if is_void else "scalar"

    def _index(self, base: Node, index: Node) -> str:
        self.numeric(index)
        if base[0] != "name":
            raise CodeError("only names are indexed")
        declared = self.find(base[1])
        if declared.delayed:
            if index[0] not in ("name", "number"):
                raise CodeError(f"the index of '{base[1]}' is pasted unparenthesised")
            self.indexed.add(base[1])
            return declared.type
        self.integer(index)
        if not declared.type.endswith("*"):
            raise CodeError(f"'{base[1]}' is no array")
        return declared.type[:-1]

    def _assign(self, operator: str, target: Node, value: Node) -> str:
        self.numeric(value)
        if target[0] == "index":
            if self.find(target[1][1]).delayed:
                raise CodeError(f"'{target[1][1]}' is not assigned to")
            return self._index(*target[1:])
        if target[0] != "name":
            raise CodeError(f"cannot assign to {target}")
        declared = self.find(target[1])
        if declared.reduced:
            if operator != "=":
                raise CodeError(f"'{target[1]}' is assigned with = only")
            return declared.type
        if not declared.writable:
            raise CodeError(f"'{target[1]}' is not assigned to")
        if operator[0] in "%&|^<" and declared.type in FLOATS:
            raise CodeError(f"{operator} needs whole numbers")
        return declared.type


def _common_type(types: set[str]) -> str:
    """Returns the type of an operation on two types: a floating one if there is one."""
    floats = types & FLOATS
    return min(floats) if floats else min(types)
