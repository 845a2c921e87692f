"""Checks names, types and constness of code strings, as GeNN's type checker does."""

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
INTEGERS = {"ilogb", "min", "max", "abs"}
RANDOM = dict.fromkeys(
    ["gennrand", "gennrand_uniform", "gennrand_normal", "gennrand_exponential"], 0
)


@dataclass(frozen=True, slots=True)
class Name:
    """A name that code may use.

    Args:
        type: its C type; one that ends in ``*`` has to be indexed.
        writable: whether it may be assigned to.
        reduced: whether it may be assigned with ``=`` only, and not be read.
        delayed: whether it may be read some steps back, as ``name[steps]``.
    """

    type: str
    writable: bool = False
    reduced: bool = False
    delayed: bool = False


class Checker:
    """One code string in its context."""

    def __init__(
        self, names: Mapping[str, Name], functions: Mapping[str, int] | None = None
    ) -> None:
        self.scopes: list[dict[str, Name]] = [dict(names)]
        self.functions = {**FUNCTIONS, **(functions or {})}
        self.plain: set[str] = set()
        self.indexed: set[str] = set()

    def run(self, statements: Iterable[Node]) -> dict[str, Name]:
        """Checks statements; returns locals at the top level."""
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
        self, kind: str, const: bool, declared: Iterable[tuple[str, Node | None]]
    ) -> None:
        for name, value in declared:
            if value is not None:
                self.numeric(value)
            if name in self.scopes[-1]:
                raise CodeError(f"'{name}' is declared twice")
            self.scopes[-1][name] = Name(kind, writable=not const)

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
        found = self.expression(node)
        if found in ("", "void") or found.endswith("*"):
            raise CodeError(f"a number is needed, not {found or node!r}")
        return found

    def integer(self, node: Node) -> str:
        found = self.numeric(node)
        if found in FLOATS:
            raise CodeError(f"a whole number is needed: {node}")
        return found

    def expression(self, node: Node) -> str:
        """The type of an expression."""
        return str(getattr(self, f"_{node[0]}")(*node[1:]))

    def _number(self, _: object, kind: str) -> str:
        return kind

    def _name(self, name: str) -> str:
        found = self.find(name)
        if found.reduced:
            raise CodeError(f"'{name}' is only assigned to")
        if found.delayed:
            self.plain.add(name)
        return found.type

    def _unary(self, operator: str, node: Node) -> str:
        found = self.integer(node) if operator == "~" else self.numeric(node)
        return "int" if operator == "!" else found

    def _binary(self, operator: str, left: Node, right: Node) -> str:
        if operator in ("%", "&", "|", "^", "<<"):
            return self.integer(left) if self.integer(right) else ""
        types = {self.numeric(left), self.numeric(right)}
        if operator in ("&&", "||", "==", "!=", "<", ">", "<=", ">="):
            return "int"
        floats = types & FLOATS
        return min(floats) if floats else min(types)

    def _choose(self, condition: Node, yes: Node, no: Node) -> str:
        self.numeric(condition)
        types = {self.numeric(yes), self.numeric(no)}
        floats = types & FLOATS
        return min(floats) if floats else min(types)

    def _cast(self, kind: str, node: Node) -> str:
        self.numeric(node)
        return kind

    def _call(self, name: str, arguments: list[Node]) -> str:
        if name not in self.functions:
            raise CodeError(f"unknown function '{name}'")
        if len(arguments) != self.functions[name]:
            raise CodeError(f"{name} takes {self.functions[name]} arguments")
        whole = [self.numeric(a) not in FLOATS for a in arguments]
        if name in ("min", "max", "abs") and not all(whole):
            raise CodeError(f"{name} is for whole numbers")
        if name in INTEGERS:
            return "int"
        returns_nothing = name.startswith(("addTo", "atomic_add_")) or name in (
            "injectCurrent",
        )
        return "void" if returns_nothing else "scalar"

    def _index(self, base: Node, index: Node) -> str:
        self.numeric(index)
        if base[0] != "name":
            raise CodeError("only names are indexed")
        found = self.find(base[1])
        if found.delayed:
            self.indexed.add(base[1])
            return found.type
        self.integer(index)
        if not found.type.endswith("*"):
            raise CodeError(f"'{base[1]}' is no array")
        return found.type[:-1]

    def _assign(self, operator: str, target: Node, value: Node) -> str:
        self.numeric(value)
        if target[0] == "index":
            found = self.find(target[1][1])
            if found.delayed:
                raise CodeError(f"'{target[1][1]}' is not assigned to")
            return self._index(*target[1:])
        if target[0] != "name":
            raise CodeError(f"cannot assign to {target}")
        found = self.find(target[1])
        if found.reduced:
            if operator != "=":
                raise CodeError(f"'{target[1]}' is assigned with = only")
            return found.type
        if not found.writable:
            raise CodeError(f"'{target[1]}' is not assigned to")
        if operator[0] in "%&|^<" and found.type in FLOATS:
            raise CodeError(f"{operator} needs whole numbers")
        return found.type
