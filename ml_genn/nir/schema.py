"""Checks of the fields of NIR nodes, before anything is made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from ml_genn.errors import UnsupportedError, ValidationError
from ml_genn.utils.checks import finite_array, real_array, shown

NEURONS = ("CubaLI", "CubaLIF", "IF", "LI", "LIF")
POOLS, WEIGHTS = ("AvgPool2d", "SumPool2d"), ("Affine", "Conv2d", "Linear")
#: Nodes that do not change values, at most their shape.
PASS_THROUGH = ("Flatten", "Input", "Output")
KNOWN = (*NEURONS, *POOLS, *WEIGHTS, *PASS_THROUGH)
#: {kind of node that cannot be imported: remedy}
REMEDIES = {
    "Conv1d": "Write it as a Conv2d whose images have one row.",
    "Delay": "Leave it out, or pass the delay to Connection afterwards.",
    "I": "Use a LI with a long tau.",
    "Scale": "Multiply the weights before or after it.",
    "Threshold": "Use an IF, LIF or CubaLIF, which have a threshold.",
}
#: Largest number of values of a node; networks of this size exceed memories.
MAX_SIZE = 2**26
#: Largest number of axes of neurons and inputs.
MAX_AXES = 3


@dataclass(frozen=True, eq=False)
class GraphNode:
    """Node of a NIR graph whose fields have been checked.

    Args:
        kind: name of its class.
        fields: {name: value}; numbers are arrays.
        shape: shape of an input or output, or the common shape of the parameters of
            neurons; None for other kinds, and if unknown.
        outer: True for nodes of the outermost graph, False for those of nested graphs.
        metadata: {key: value} of the node.
    """

    kind: str
    fields: Mapping[str, Any]
    shape: tuple[int, ...] | None
    outer: bool
    metadata: Mapping[str, Any] = field(default_factory=dict)


def checked_node(where: str, node: Any, outer: bool) -> GraphNode:
    """Returns a node of the library nir with checked fields.

    Args:
        where: start of error messages.
        node: the node.
        outer: True if it is in the outermost graph.

    Raises:
        UnsupportedError: if ml_genn has no such kind of node.
        ValidationError: if a field is missing, or its value is impossible.
    """
    kind = type(node).__name__
    if kind not in KNOWN:
        remedy = REMEDIES.get(kind, "Leave it out.")
        raise UnsupportedError(
            f"{where}: there is no {kind} here. {remedy} Known: {', '.join(KNOWN)}."
        )
    values = {}
    for name, rule in FIELDS[kind].items():
        value = getattr(node, name, None)
        if value is None and name not in OPTIONAL:
            raise ValidationError(
                f"{where}: a {kind} has a field '{name}', which is missing here. "
                "Write the graph again."
            )
        values[name] = None if value is None else rule(f"{where}: {name}", value)
    metadata = getattr(node, "metadata", None)
    return GraphNode(
        kind,
        values,
        _own_shape(where, kind, node, values),
        outer,
        metadata if isinstance(metadata, Mapping) else {},
    )


def _own_shape(
    where: str, kind: str, node: Any, fields: Mapping[str, Any]
) -> tuple[int, ...] | None:
    if kind in ("Input", "Output"):
        end = kind.lower()
        types = getattr(node, f"{end}_type", None)
        return shape_of(where, types.get(end) if isinstance(types, Mapping) else None)
    if kind not in NEURONS:
        return None
    shapes = {name: np.shape(v) for name, v in fields.items() if v is not None}
    try:
        shape = np.broadcast_shapes(*shapes.values())
    except ValueError:
        raise ValidationError(
            f"{where}: all parameters have the shape of the neurons, or are one "
            f"number. Received {shapes}."
        ) from None
    return shape_of(where, shape)


def shape_of(where: str, shape: Any) -> tuple[int, ...]:
    """Returns a shape as whole numbers.

    Raises:
        UnsupportedError: if it has more than three axes.
        ValidationError: if it is no shape, or has too many values.
    """
    sizes = real_array(f"{where}: shape", () if shape is None else shape)
    if not sizes.size:
        return ()
    if sizes.ndim > 1 or not _are_whole(sizes, 1):
        raise ValidationError(
            f"{where}: a shape is a list of whole numbers above zero. Received "
            f"{shown(shape)}."
        )
    numbers = tuple(int(n) for n in np.atleast_1d(sizes))
    if len(numbers) > MAX_AXES:
        raise UnsupportedError(
            f"{where}: neurons are a list, or images of shape (channels, rows, "
            f"columns), without an axis of examples. Received {numbers}."
        )
    return bounded(where, numbers)


def bounded(where: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Returns a shape.

    Raises:
        ValidationError: if it has a size below one, or too many values.
    """
    if min(shape, default=1) < 1 or prod(shape) > MAX_SIZE:
        raise ValidationError(
            f"{where}: there are between one and {MAX_SIZE:,} values. Received a shape "
            f"of {shape}. Give the sizes of the trained network."
        )
    return shape


def _are_whole(values: np.ndarray, least: int) -> bool:
    """Returns True for whole numbers of at least ``least`` that 32 bits hold."""
    numbers = values.astype(float)
    inside = (numbers >= least) & (numbers < 2**31)
    return bool(np.all(inside) and np.all(numbers == np.floor(numbers)))


# ---------------------------------------------------------------- rules of fields
def _numbers(where: str, value: Any) -> np.ndarray:
    finite_array(where, value)
    array = np.asarray(value)
    if not array.size:
        raise ValidationError(f"{where} has at least one number. Received none.")
    return array


def _threshold(where: str, value: Any) -> np.ndarray:
    array = real_array(where, value)
    never = np.isposinf(array) if array.dtype.kind == "f" else np.zeros((), bool)
    _numbers(where, np.where(never, 0, array))
    return array


def _weights(axes: tuple[str, ...]) -> Callable[[str, Any], np.ndarray]:
    def rule(where: str, value: Any) -> np.ndarray:
        array = _numbers(where, value)
        if array.ndim != len(axes):
            raise UnsupportedError(
                f"{where}: weights have the shape ({', '.join(axes)}). Received "
                f"{array.shape}. Flatten what comes before."
            )
        bounded(where, array.shape)
        return array

    return rule


def _pair(least: int) -> Callable[[str, Any], tuple[int, int]]:
    def rule(where: str, value: Any) -> tuple[int, int]:
        array = real_array(where, value)
        if array.size not in (1, 2) or not _are_whole(array, least):
            raise ValidationError(
                f"{where} is a whole number of at least {least}, or two of them for "
                f"rows and columns. Received {shown(value)}."
            )
        rows, columns = np.broadcast_to(array.ravel(), 2)
        return int(rows), int(columns)

    return rule


def _padding(where: str, value: Any) -> Any:
    if isinstance(value, bytes | str):
        name = value if isinstance(value, str) else value.decode(errors="replace")
        if name not in ("same", "valid"):
            raise ValidationError(
                f"{where} is 'same', 'valid', or pixels of zeros. Received {name!r}."
            )
        return name
    return _pair(0)(where, value)


def _whole(least: int) -> Callable[[str, Any], int]:
    def rule(where: str, value: Any) -> int:
        array = real_array(where, value)
        if array.size != 1 or not _are_whole(array, least):
            raise ValidationError(
                f"{where} is a whole number of at least {least}. Received "
                f"{shown(value)}."
            )
        return int(array.item())

    return rule


def _declared(where: str, value: Any) -> tuple[int, ...] | None:
    shape = value.get("input") if isinstance(value, Mapping) else value
    if shape is None:
        return None
    sizes = real_array(where, shape)
    if sizes.ndim != 1 or not _are_whole(sizes, 1):
        raise ValidationError(
            f"{where} is a list of whole numbers above zero. Received {shown(shape)}."
        )
    return tuple(int(n) for n in sizes)


_MATRIX = _weights(("target", "source"))
_KERNEL = _weights(("target channels", "source channels", "rows", "columns"))
Rule = Callable[[str, Any], Any]  #: function of (start of error messages, value)
_POOL: dict[str, Rule] = {
    "kernel_size": _pair(1),
    "stride": _pair(1),
    "padding": _pair(0),
}
_LEAK: dict[str, Rule] = {"r": _numbers, "v_leak": _numbers}
_FIRE: dict[str, Rule] = {"v_threshold": _threshold, "v_reset": _numbers}
_CUBA: dict[str, Rule] = {
    "tau_mem": _numbers,
    "tau_syn": _numbers,
    "w_in": _numbers,
    **_LEAK,
}

FIELDS: dict[str, dict[str, Rule]] = {  #: {kind: {field: rule}}
    "Affine": {"weight": _MATRIX, "bias": _numbers},
    "AvgPool2d": _POOL,
    "Conv2d": {
        "weight": _KERNEL,
        "stride": _pair(1),
        "padding": _padding,
        "dilation": _pair(1),
        "groups": _whole(1),
        "bias": _numbers,
    },
    "CubaLI": _CUBA,
    "CubaLIF": {**_CUBA, **_FIRE},
    "Flatten": {
        "input_type": _declared,
        "start_dim": _whole(-MAX_AXES - 1),
        "end_dim": _whole(-MAX_AXES - 1),
    },
    "IF": {"r": _numbers, **_FIRE},
    "Input": {},
    "LI": {"tau": _numbers, **_LEAK},
    "LIF": {"tau": _numbers, **_LEAK, **_FIRE},
    "Linear": {"weight": _MATRIX},
    "Output": {},
    "SumPool2d": _POOL,
}
#: Fields without which a node is complete.
OPTIONAL = ("bias", "input_type", "v_reset")
