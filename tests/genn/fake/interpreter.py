"""Interpreter of checked code strings, for many neurons or synapses at once, in NumPy.

A value is a number, or an array with one element per neuron or synapse. Branches have a
mask; elements where it is false are neither read nor written.
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
    """Interpreter of one code string.

    Args:
        shape: shape of the neurons or synapses.
        values: {name: value}; arrays that code indexes are flat.
        types: {name: C type}.
        functions: {function of the context: function of a mask and its arguments}.
        delayed: {name: function of a delay [steps] that returns the value}.

    Attributes:
        scopes, types: values and types of each open block, the outermost first.
        mask: elements that the current branch runs for.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        values: Mapping[str, Any],
        types: Mapping[str, str],
        functions: Mapping[str, Callable[..., None]] | None = None,
        delayed: Mapping[str, Callable[[np.ndarray], np.ndarray]] | None = None,
    ) -> None:
        self.shape = shape
        self.scopes: list[dict[str, Any]] = [dict(values)]
        self.types: list[dict[str, str]] = [dict(types)]
        self.functions = functions or {}
        self.delayed = delayed or {}
        self.mask = np.ones(shape, dtype=bool)

    def run(self, statements: Iterable[Node]) -> None:
        """Runs statements; locals at the top level stay readable."""
        with np.errstate(all="ignore"):
            self.scopes.append({})
            self.types.append({})
            for statement in statements:
                self.statement(statement)

    def value(self, name: str) -> Any:
        """Returns the value of a name."""
        return self.scopes[self._scope(name)][name]

    def evaluate(self, node: Node) -> Any:
        """Returns the value of an expression, after the statements."""
        with np.errstate(all="ignore"):
            return self.expression(node)

    def _shaped(self, value: Any) -> np.ndarray:
        """Returns a value as an array with one element per neuron or synapse."""
        return np.broadcast_to(np.asarray(value), self.shape)

    def _scope(self, name: str) -> int:
        for k in range(len(self.scopes) - 1, -1, -1):
            if name in self.scopes[k]:
                return k
        raise CodeError(f"'{name}' has no value")

    # ------------------------------------------------------------ statements
    def statement(self, node: Node) -> None:
        statement = node[0]
        if statement == "block":
            self._scoped(node[1])
        elif statement == "declare":
            for name, value in node[3]:
                self.types[-1][name] = node[1]
                initial = 0 if value is None else self.expression(value)
                self.scopes[-1][name] = np.asarray(initial).astype(DTYPES[node[1]])
        elif statement == "if":
            self._if(*node[1:])
        elif statement == "for":
            self._for(*node[1:])
        else:
            self.expression(node[1])

    def _scoped(self, statements: Iterable[Node]) -> None:
        self.scopes.append({})
        self.types.append({})
        for statement in statements:
            self.statement(statement)
        self.scopes.pop()
        self.types.pop()

    def _if(self, condition: Node, yes: Node, no: Node | None) -> None:
        holds = self._shaped(self.expression(condition)).astype(bool)
        outer = self.mask
        for part, mask in ((yes, outer & holds), (no, outer & ~holds)):
            if part is not None and mask.any():
                self.mask = mask
                self._scoped([part])
        self.mask = outer

    def _for(
        self, first: Node | None, condition: Node, step: Node | None, body: Node
    ) -> None:
        outer = self.mask
        self.scopes.append({})
        self.types.append({})
        if first is not None:
            self.statement(first)
        while True:
            holds = self._shaped(self.expression(condition))
            self.mask = self.mask & holds.astype(bool)
            if not self.mask.any():
                break
            self._scoped([body])
            if step is not None:
                self.expression(step)
        self.scopes.pop()
        self.types.pop()
        self.mask = outer

    # ------------------------------------------------------------ expressions
    def expression(self, node: Node) -> Any:
        return getattr(self, f"_{node[0]}")(*node[1:])

    def _number(self, value: Any, type_: str) -> Any:
        return DTYPES[type_](value)

    def _name(self, name: str) -> Any:
        return self.value(name)

    def _unary(self, operator: str, node: Node) -> Any:
        value = self.expression(node)
        if operator == "!":
            return np.logical_not(value)
        return {"-": np.negative, "+": np.positive, "~": np.invert}[operator](value)

    def _masked(self, mask: Any, node: Node) -> Any:
        """Returns an expression, evaluated where a condition holds."""
        outer = self.mask
        self.mask = outer & self._shaped(mask).astype(bool)
        value = self.expression(node)
        self.mask = outer
        return value

    def _binary(self, operator: str, left: Node, right: Node) -> Any:
        a = self.expression(left)
        if operator == "&&":
            return np.logical_and(a, self._masked(a, right))
        if operator == "||":
            return np.logical_or(a, self._masked(np.logical_not(a), right))
        b = self.expression(right)
        if operator == "/":
            return _quotient(np.asarray(a), np.asarray(b))
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

    def _cast(self, type_: str, node: Node) -> Any:
        return np.asarray(self.expression(node)).astype(DTYPES[type_])

    def _call(self, name: str, arguments: list[Node]) -> Any:
        values = [self.expression(argument) for argument in arguments]
        if name in self.functions:
            shaped = [self._shaped(value)[self.mask] for value in values]
            return self.functions[name](self.mask, *shaped)
        if name == "gennrand_uniform":
            return np.random.default_rng(0).random(self.shape, dtype=np.float32)
        return _FUNCTIONS[name](*values)

    def _index(self, base: Node, index: Node) -> Any:
        indices = self._shaped(self.expression(index))
        if base[1] in self.delayed:
            return self.delayed[base[1]](indices)
        array = self.value(base[1])
        elements = np.zeros(self.shape, array.dtype)
        elements[self.mask] = array[_in_bounds(indices[self.mask], array, base[1])]
        return elements

    def _assign(self, operator: str, target: Node, value: Node) -> Any:
        result = self.expression(value)
        if operator != "=":
            read = self.expression(target)
            result = _BINARY[operator[:-1]](read, result)
        if target[0] == "index":
            array = self.value(target[1][1])
            indices = self._shaped(self.expression(target[2]))[self.mask]
            elements = self._shaped(result)[self.mask].astype(array.dtype)
            array[_in_bounds(indices, array, target[1][1])] = elements
            return result
        k = self._scope(target[1])
        dtype = DTYPES[self.types[k][target[1]]]
        old = self._shaped(self.scopes[k][target[1]])
        new = self._shaped(result)
        self.scopes[k][target[1]] = np.where(self.mask, new, old).astype(dtype)
        return result


def _in_bounds(indices: np.ndarray, array: np.ndarray, name: str) -> np.ndarray:
    """Returns the indices, if all are elements of the array."""
    if indices.size and (indices.min() < 0 or indices.max() >= array.size):
        raise CodeError(
            f"'{name}' has {array.size} elements; "
            f"[{indices.min()}, {indices.max()}] is accessed"
        )
    return indices


def _quotient(a: np.ndarray, b: np.ndarray) -> Any:
    """Returns the quotient as in C: that of whole numbers is truncated."""
    if a.dtype.kind in "iub" and b.dtype.kind in "iub":
        return np.trunc(a.astype(np.int64) / b.astype(np.int64)).astype(np.int64)
    return np.divide(a, b)
