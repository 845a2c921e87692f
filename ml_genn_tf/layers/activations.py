"""Rules of activation functions, as layers and as arguments of layers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ml_genn_tf.graph import Activate, Node, Softmax, rectify
from ml_genn_tf.layers.call import Call, is_of_keras, numbers

Rule = Callable[[Call, Node], Node]
#: Slope below zero of Keras' function ``leaky_relu``.
DEFAULT_SLOPE = 0.2


def finish(call: Call, node: Node, bias: np.ndarray | None) -> Node:
    """Returns a node after the bias and the activation of the layer."""
    return activate(call, call.add_bias(node, bias), call.layer.activation)


def activate(call: Call, node: Node, activation: Any) -> Node:
    """Returns a node after an activation: a function or a layer.

    Raises:
        UnsupportedError: if the activation has no spiking form.
    """
    rule = ACTIVATION_LAYERS.get(type(activation).__name__)
    if rule is not None and is_of_keras(activation):
        return rule(Call(activation, (node,), node.shape), node)
    for function, function_rule in _activation_functions():
        if activation is function:
            return function_rule(call, node)
    name = getattr(activation, "__name__", str(activation))
    module = getattr(activation, "__module__", None)
    own = "" if is_of_keras(activation) else f" of '{module}', no function of Keras,"
    known = ", ".join(f"'{key}'" for key in ACTIVATIONS)
    raise call.error(
        f"activation '{name}'{own} has no spiking form",
        f"Train the model with one of {known}.",
    )


def _activation_functions() -> Iterator[tuple[Any, Rule]]:
    """Yields activation functions of Keras and TensorFlow, and their rules.

    A function is recognised by identity: one of a user may have the same name.
    """
    import keras

    modules = [(keras.activations, ACTIVATIONS), (keras.ops, ACTIVATIONS | IN_OPS)]
    if "tensorflow" in sys.modules:
        modules.append((sys.modules["tensorflow"].nn, ACTIVATIONS))
    for module, rules in modules:
        for name, rule in rules.items():
            if hasattr(module, name):
                yield getattr(module, name), rule


def _function(name: str) -> Rule:
    """Returns the rule of a function of `ml_genn.neurons.FewSpikeActivation`.

    Args:
        name: its name or expression.
    """
    return lambda call, node: Node(call.layer, Activate(name), (node,), node.shape)


def _leaky(call: Call, node: Node, slope: Any, limit: float | None = None) -> Node:
    """Returns max(x, 0) - slope max(-x, 0), which every code can compute.

    Args:
        call: the call.
        node: the operand x.
        slope: a number, or one for each element.
        limit: upper bound; None (default) for none.
    """
    positive = rectify(call.layer, node, limit)
    if not np.any(slope):
        return positive
    negative = rectify(call.layer, call.scale(node, -1.0))
    return call.sum(positive, call.scale(negative, -np.asarray(slope)))


def _hard_sigmoid(call: Call, node: Node) -> Node:
    """Returns min(max(x + 3, 0), 6) / 6, which every code can compute."""
    shifted = call.add_bias(node, np.full(1, 3.0, np.float32))
    return call.scale(rectify(call.layer, shifted, 6.0), 1 / 6)


def _softmax(call: Call, node: Node) -> Node:
    """Returns the softmax of a node.

    Raises:
        UnsupportedError: if it is the softmax of single numbers, which is always 1.
    """
    if node.shape[-1] == 1:
        raise call.error(
            "the softmax of one unit is always 1",
            "Use two units for two classes, or no activation for a value.",
        )
    return Node(call.layer, Softmax(), (node,), node.shape)


#: {name of an activation function of Keras: function that applies it to a node}
ACTIVATIONS: dict[str, Rule] = {
    "elu": _function("elu"),
    "gelu": _function("gelu"),
    "hard_sigmoid": _hard_sigmoid,
    "hard_silu": _function("hard_swish"),
    "hard_swish": _function("hard_swish"),
    "hard_tanh": _function("min(max(x, -1), 1)"),
    "leaky_relu": lambda call, node: _leaky(call, node, DEFAULT_SLOPE),
    "linear": lambda call, node: node,
    "mish": _function("mish"),
    "relu": lambda call, node: rectify(call.layer, node),
    "relu6": lambda call, node: rectify(call.layer, node, 6.0),
    "selu": _function("selu"),
    "sigmoid": _function("sigmoid"),
    "silu": _function("swish"),
    "softmax": _softmax,
    "softplus": _function("softplus"),
    "softsign": _function("softsign"),
    "swish": _function("swish"),
    "tanh": _function("tanh"),
}

#: {function that computes something else in keras.ops than in keras.activations: rule}
IN_OPS: dict[str, Rule] = {"gelu": _function("gelu_tanh")}


def _relu(call: Call, node: Node) -> Node:
    layer = call.layer
    if layer.max_value is not None and not layer.max_value > 0.0:
        raise call.error(
            f"max_value={layer.max_value!r}: its value is always zero",
            "Use a max_value above zero, or None.",
        )
    limit = None if layer.max_value is None else float(layer.max_value)
    slope, threshold = float(layer.negative_slope), float(layer.threshold)
    if not threshold:
        return _leaky(call, node, slope, limit)
    above = "x" if limit is None else f"min(x, {limit!r})"
    below = f"{slope!r} * (x - {threshold!r})"
    return _function(f"where(x >= {threshold!r}, {above}, {below})")(call, node)


def _leaky_relu(call: Call, node: Node) -> Node:
    return _leaky(call, node, float(call.layer.negative_slope))


def _prelu(call: Call, node: Node) -> Node:
    return _leaky(call, node, np.broadcast_to(numbers(call.layer.alpha), node.shape))


def _elu(call: Call, node: Node) -> Node:
    below = f"{float(call.layer.alpha)!r} * (exp(min(x, 0)) - 1)"
    return _function(f"where(x > 0, x, {below})")(call, node)


def _activation(call: Call, node: Node) -> Node:
    return activate(call, node, call.layer.activation)


#: {layer of Keras that is an activation function: rule}
ACTIVATION_LAYERS: dict[str, Rule] = {
    "Activation": _activation,
    "ELU": _elu,
    "LeakyReLU": _leaky_relu,
    "PReLU": _prelu,
    "ReLU": _relu,
    "Softmax": ACTIVATIONS["softmax"],
}


def _layer(rule: Rule) -> Callable[[Call], Node]:
    return lambda call: rule(call, call.input)


#: {class of Keras: rule that converts a call to a node}
LAYERS: dict[str, Callable[[Call], Node]] = {
    name: _layer(rule) for name, rule in ACTIVATION_LAYERS.items()
}
