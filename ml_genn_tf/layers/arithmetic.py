"""Rules of sums, products and normalisations, of layers and of operations."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

import numpy as np

from ml_genn_tf.graph import Activate, Node, Rectify
from ml_genn_tf.layers.call import Call, numbers
from ml_genn_tf.layers.shapes import positions
from ml_genn_tf.linear_maps import Select

#: Deviations from the mean within which nearly all values lie.
NUM_DEVIATIONS = 4.0
#: Activation functions whose absolute values are at most 1.
LIMITED = ("hard_sigmoid", "sigmoid", "softsign", "tanh")


def _batch_norm(call: Call) -> Node:
    layer, node = call.layer, call.input
    axis = layer.axis[0] if isinstance(layer.axis, list | tuple) else layer.axis
    if axis not in (-1, len(node.shape)):
        raise call.error("it normalises another axis than the last", "Use axis=-1.")
    *trained, mean, variance = (np.asarray(w, float) for w in layer.get_weights())
    factor = 1 / np.sqrt(variance + layer.epsilon)
    factor = factor * trained.pop(0) if layer.scale else factor
    bias = (trained.pop(0) if layer.center else 0.0) - mean * factor
    return _scaled(call, factor, bias)


def _rescaling(call: Call) -> Node:
    return _scaled(call, np.asarray(call.layer.scale), np.asarray(call.layer.offset))


def _normalization(call: Call) -> Node:
    layer = call.layer
    mean, variance = numbers(layer.mean)[0], numbers(layer.variance)[0]
    deviation = np.maximum(np.sqrt(variance), 1e-7)  # the least that Keras divides by
    if layer.invert:
        return _scaled(call, deviation, mean)
    return _scaled(call, 1 / deviation, -mean / deviation)


def _scaled(call: Call, factor: np.ndarray, bias: np.ndarray) -> Node:
    """Returns the input times a factor, plus a bias; each for channels or elements."""
    return call.add_bias(call.scale(call.input, factor), bias.astype(np.float32))


def _broadcast(call: Call) -> list[Node]:
    """Returns the inputs in the shape of the result.

    Axes of size 1 are repeated, as are missing first axes.
    """
    nodes = []
    for x in call.inputs:
        node = x
        if x.shape != call.shape:
            index = np.broadcast_to(positions(x), call.shape)
            node = call.map(x, Select(x.shape, index))
        nodes.append(node)
    return nodes


def _add(call: Call) -> Node:
    return call.sum(*_broadcast(call))


def _subtract(call: Call) -> Node:
    first, second = _broadcast(call)
    return call.sum(first, call.scale(second, -1.0))


def _average(call: Call) -> Node:
    return call.scale(_add(call), 1 / len(call.inputs))


def _excess(call: Call, a: Node, b: Node) -> Node:
    """Returns max(a - b, 0)."""
    difference = call.sum(a, call.scale(b, -1.0))
    return Node(call.layer, Rectify(), (difference,), a.shape)


def _maximum(call: Call) -> Node:
    return reduce(lambda a, b: call.sum(_excess(call, a, b), b), _broadcast(call))


def _minimum(call: Call) -> Node:
    return reduce(
        lambda a, b: call.sum(a, call.scale(_excess(call, a, b), -1.0)),
        _broadcast(call),
    )


def _multiply(call: Call) -> Node:
    return reduce(lambda a, b: _product(call, a, b), _broadcast(call))


def _product(call: Call, a: Node, b: Node) -> Node:
    """Returns a product of signals, ((a + s b)^2 - (a - s b)^2) / (4 s).

    The squares have the smallest errors if a and s b are of the same size.
    """
    ratio = _magnitude(a) / _magnitude(b)
    plus, minus = (
        Node(call.layer, Activate("square"), (call.sum(a, second),), a.shape)
        for second in (call.scale(b, ratio), call.scale(b, -ratio))
    )
    quarter = 0.25 / ratio
    return call.sum(call.scale(plus, quarter), call.scale(minus, -quarter))


def _magnitude(node: Node) -> float:
    """Returns an estimate of the largest absolute value of a node.

    It follows from the mean and deviation that the last batch normalisation sets; 1 if
    a function with limits, or no batch normalisation, comes before.
    """
    while node.inputs:
        layer, step = node.layer, node.step
        if type(layer).__name__ == "BatchNormalization":
            deviation = numbers(layer.gamma) if layer.scale else np.ones(1)
            mean = numbers(layer.beta) if layer.center else np.zeros(1)
            return float(np.max(np.abs(mean) + NUM_DEVIATIONS * np.abs(deviation)))
        has_limit = isinstance(step, Rectify) and step.limit is not None
        if has_limit or (isinstance(step, Activate) and step.function in LIMITED):
            return 1.0
        node = node.inputs[0]
    return 1.0


def _constant(call: Call) -> tuple[np.ndarray | None, bool]:
    """Returns the constant of a binary operation and True if it stands first.

    It is None if both operands are tensors of the model.
    """
    for at, operand in enumerate(call.operands):
        if not isinstance(operand, Node):
            return np.asarray(operand, np.float32), at == 0
    return None, False


def _add_operation(call: Call) -> Node:
    constant, _ = _constant(call)
    if constant is None:
        return _add(call)
    return call.add_bias(call.input, _element(call, constant))


def _subtract_operation(call: Call) -> Node:
    constant, is_first = _constant(call)
    if constant is None:
        return _subtract(call)
    sign = -1.0 if is_first else 1.0
    return call.add_bias(call.scale(call.input, sign), -sign * _element(call, constant))


def _multiply_operation(call: Call) -> Node:
    constant, _ = _constant(call)
    if constant is None:
        return _multiply(call)
    return call.scale(call.input, _element(call, constant))


def _divide_operation(call: Call) -> Node:
    constant, is_first = _constant(call)
    if constant is None or is_first:
        raise call.error("a signal is no divisor", "Divide by constants.")
    return call.scale(call.input, 1 / _element(call, constant))


def _negative_operation(call: Call) -> Node:
    return call.scale(call.input, -1.0)


def _element(call: Call, constant: np.ndarray) -> np.ndarray:
    """Returns a constant for the elements of one example; a scalar as one number."""
    if constant.ndim <= 1:
        return np.atleast_1d(constant)
    return np.asarray(np.broadcast_to(constant, (1, *call.shape))[0])


#: {class of Keras: rule that converts a call to a node}
LAYERS: dict[str, Callable[[Call], Node]] = {
    "Add": _add,
    "Average": _average,
    "BatchNormalization": _batch_norm,
    "Maximum": _maximum,
    "Minimum": _minimum,
    "Multiply": _multiply,
    "Normalization": _normalization,
    "Rescaling": _rescaling,
    "Subtract": _subtract,
}

#: {operation of Keras, such as that of ``x + y``: rule}
OPERATIONS: dict[str, Callable[[Call], Node]] = {
    "Add": _add_operation,
    "Divide": _divide_operation,
    "Multiply": _multiply_operation,
    "Negative": _negative_operation,
    "Subtract": _subtract_operation,
    "TrueDivide": _divide_operation,
}
