"""Runs checked code strings for many neurons or synapses at once, in NumPy.

A value is a number or an array with one entry for each. What runs for some entries only
has a mask; nothing is read or written where it is false.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from genn.fake.language import CodeError, Node

DTYPES: dict[str, type] = {
    "scalar": np.float32,
    "float": np.float32,
    "timepoint": np.float32,
    "double": np.float64,
    "bool": np.bool_,
    "int": np.int32,
    "unsigned int": np.uint32,
    **{
        f"{sign}int{bits}_t": getattr(np, f"{sign}int{bits}")
        for sign in ("", "u")
        for bits in (8, 16, 32, 64)
    },
}
_SAME_NAME = """cos sin tan cosh sinh tanh exp expm1 exp2 log log1p log2 log10 sqrt cbrt
ceil floor rint trunc fabs fmax fmin fmod copysign"""
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{name: getattr(np, name) for name in _SAME_NAME.split()},
    "pow": np.power,
    "min": np.minimum,
    "max": np.maximum,
    "abs": np.abs,
    "erf": np.vectorize(math.erf),
}
_BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "%": np.fmod,
    "==": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    ">": np.greater,
    "<=": np.less_equal,
    ">=": np.greater_equal,
    "&": np.bitwise_and,
    "|": np.bitwise_or,
    "^": np.bitwise_xor,
    "<<": np.left_shift,
}


class Interpreter:
    """Runs one code string.

    Args:
        shape: of the entries.
        values: {name: value}; arrays that code indexes are flat.
        kinds: {name: C type}.
        functions: {function of the context: what it does, given a mask and arguments}.
        delayed: {name: function of how many steps ago it is read}.
        mask: entries that it runs for; all by default.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        values: Mapping[str, Any],
        kinds: Mapping[str, str],
        functions: Mapping[str, Callable[..., None]] | None = None,
        delayed: Mapping[str, Callable[[np.ndarray], np.ndarray]] | None = None,
    ) -> None:
        self.shape = shape
        self.scopes: list[dict[str, Any]] = [dict(values)]
        self.kinds: list[dict[str, str]] = [dict(kinds)]
        self.functions = functions or {}
        self.delayed = delayed or {}
        self.mask = np.ones(shape, dtype=bool)

    def run(self, statements: Iterable[Node]) -> None:
        """Runs statements; names at the top level stay."""
        with np.errstate(all="ignore"):
            self.scopes.append({})
            self.kinds.append({})
            for statement in statements:
                self.statement(statement)

    def value(self, name: str) -> Any:
        """What a name stands for."""
        return self.scopes[self._scope(name)][name]

    def evaluate(self, node: Node) -> Any:
        """An expression, after the statements."""
        with np.errstate(all="ignore"):
            return self.expression(node)

    def _shaped(self, value: Any) -> np.ndarray:
        """A value with one entry for each."""
        found = np.asarray(value)
        return (
            found if found.shape == self.shape else np.broadcast_to(found, self.shape)
        )

    def _scope(self, name: str) -> int:
        for k in range(len(self.scopes) - 1, -1, -1):
            if name in self.scopes[k]:
                return k
        raise CodeError(f"'{name}' has no value")

    # ------------------------------------------------------------ statements
    def statement(self, node: Node) -> None:
        kind = node[0]
        if kind == "block":
            self._scoped(node[1])
        elif kind == "declare":
            for name, value in node[3]:
                self.kinds[-1][name] = node[1]
                given = np.zeros((), DTYPES[node[1]])
                if value is not None:
                    given = np.asarray(self.expression(value))
                self.scopes[-1][name] = given.astype(DTYPES[node[1]])
        elif kind == "if":
            self._if(*node[1:])
        elif kind == "for":
            self._for(*node[1:])
        else:
            self.expression(node[1])

    def _scoped(self, statements: Iterable[Node]) -> None:
        self.scopes.append({})
        self.kinds.append({})
        for statement in statements:
            self.statement(statement)
        self.scopes.pop()
        self.kinds.pop()

    def _if(self, condition: Node, yes: Node, no: Node | None) -> None:
        found = self._shaped(self.expression(condition)).astype(bool)
        kept = self.mask
        for part, mask in ((yes, kept & found), (no, kept & ~found)):
            if part is not None and mask.any():
                self.mask = mask
                self._scoped([part])
        self.mask = kept

    def _for(
        self, first: Node | None, condition: Node, step: Node | None, body: Node
    ) -> None:
        kept = self.mask
        self.scopes.append({})
        self.kinds.append({})
        if first is not None:
            self.statement(first)
        while True:
            found = self._shaped(self.expression(condition))
            self.mask = self.mask & found.astype(bool)
            if not self.mask.any():
                break
            self._scoped([body])
            if step is not None:
                self.expression(step)
        self.scopes.pop()
        self.kinds.pop()
        self.mask = kept

    # ------------------------------------------------------------ expressions
    def expression(self, node: Node) -> Any:
        return getattr(self, f"_{node[0]}")(*node[1:])

    def _number(self, value: Any, kind: str) -> Any:
        return DTYPES[kind](value)

    def _name(self, name: str) -> Any:
        return self.value(name)

    def _unary(self, operator: str, node: Node) -> Any:
        value = self.expression(node)
        if operator == "!":
            return np.logical_not(value)
        return {"-": np.negative, "+": np.positive, "~": np.invert}[operator](value)

    def _masked(self, mask: Any, node: Node) -> Any:
        """An expression where a condition holds."""
        kept = self.mask
        self.mask = kept & self._shaped(mask).astype(bool)
        value = self.expression(node)
        self.mask = kept
        return value

    def _binary(self, operator: str, left: Node, right: Node) -> Any:
        a = self.expression(left)
        if operator == "&&":
            return np.logical_and(a, self._masked(a, right))
        if operator == "||":
            return np.logical_or(a, self._masked(np.logical_not(a), right))
        b = self.expression(right)
        if operator == "/":
            return _divided(np.asarray(a), np.asarray(b))
        if np.asarray(a).dtype == bool:
            a = np.asarray(a).astype(np.int32)
        if np.asarray(b).dtype == bool:
            b = np.asarray(b).astype(np.int32)
        return _BINARY[operator](a, b)

    def _choose(self, condition: Node, yes: Node, no: Node) -> Any:
        chosen = np.asarray(self.expression(condition)).astype(bool)
        return np.where(
            chosen, self._masked(chosen, yes), self._masked(np.logical_not(chosen), no)
        )

    def _cast(self, kind: str, node: Node) -> Any:
        return np.asarray(self.expression(node)).astype(DTYPES[kind])

    def _call(self, name: str, arguments: list[Node]) -> Any:
        given = [self.expression(argument) for argument in arguments]
        if name in self.functions:
            shaped = [self._shaped(a)[self.mask] for a in given]
            return self.functions[name](self.mask, *shaped)
        if name == "gennrand_uniform":
            return np.random.default_rng(0).random(self.shape, dtype=np.float32)
        return _FUNCTIONS[name](*given)

    def _index(self, base: Node, index: Node) -> Any:
        at = self._shaped(self.expression(index))
        if base[1] in self.delayed:
            return self.delayed[base[1]](at)
        array = self.value(base[1])
        found = np.zeros(self.shape, array.dtype)
        found[self.mask] = array[self._inside(at[self.mask], array, base[1])]
        return found

    @staticmethod
    def _inside(at: np.ndarray, array: np.ndarray, name: str) -> np.ndarray:
        if at.size and (at.min() < 0 or at.max() >= array.size):
            raise CodeError(
                f"'{name}' has {array.size} entries; [{at.min()}, {at.max()}] is read"
            )
        return at

    def _assign(self, operator: str, target: Node, value: Node) -> Any:
        result = self.expression(value)
        if operator != "=":
            read = self.expression(target)
            result = _BINARY[operator[:-1]](read, result)
        if target[0] == "index":
            array = self.value(target[1][1])
            at = self._shaped(self.expression(target[2]))[self.mask]
            filled = self._shaped(result)[self.mask]
            array[self._inside(at, array, target[1][1])] = filled.astype(array.dtype)
            return result
        k = self._scope(target[1])
        dtype = DTYPES[self.kinds[k][target[1]]]
        old = self._shaped(self.scopes[k][target[1]])
        new = self._shaped(result)
        self.scopes[k][target[1]] = np.where(self.mask, new, old).astype(dtype)
        return result


def _divided(a: np.ndarray, b: np.ndarray) -> Any:
    """Division as in C: whole numbers are cut off."""
    if a.dtype.kind in "iub" and b.dtype.kind in "iub":
        return np.trunc(a.astype(np.int64) / b.astype(np.int64)).astype(np.int64)
    return np.divide(a, b)
