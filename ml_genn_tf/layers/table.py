"""Table of the rules that convert Keras layers to nodes of the graph."""

from __future__ import annotations

from collections.abc import Callable

from ml_genn_tf.graph import Node
from ml_genn_tf.layers import activations, arithmetic, convolutions, pooling, shapes
from ml_genn_tf.layers.call import Call, is_of_keras

#: {class of Keras: rule that converts a call to a node}
LAYERS: dict[str, Callable[[Call], Node]] = {
    **activations.LAYERS,
    **arithmetic.LAYERS,
    **convolutions.LAYERS,
    **pooling.LAYERS,
    **shapes.LAYERS,
}
OPERATIONS_OF = "keras.src.ops."  #: start of the modules of Keras' operations
OF_THE_EXAMPLE = (
    "it normalises with the mean and variance of the example itself, which weights "
    "cannot contain"
)
NO_RULE = "there is no rule that converts it"

#: {class of Keras without a rule: (reason, remedy)}
REMEDIES: dict[str, tuple[str, str]] = {
    "AveragePooling1D": (NO_RULE, "AveragePooling2D"),
    "Conv1D": (NO_RULE, "Conv2D with one row"),
    "GroupNormalization": (OF_THE_EXAMPLE, "BatchNormalization"),
    "LayerNormalization": (OF_THE_EXAMPLE, "BatchNormalization"),
    "MaxPooling1D": (NO_RULE, "MaxPooling2D"),
    "UnitNormalization": (OF_THE_EXAMPLE, "BatchNormalization"),
}


def is_operation(layer: object) -> bool:
    """Returns True for operations of Keras that are no layers, such as ``x + y``."""
    return type(layer).__module__.startswith(OPERATIONS_OF)


def convert_call(call: Call) -> Node:
    """Returns the node of a layer's or operation's result.

    Raises:
        UnsupportedError: if there is no rule for the layer, or for its arguments.
    """
    kind = type(call.layer)
    if is_operation(call.layer):
        rules = arithmetic.OPERATIONS
    else:
        rules = LAYERS if is_of_keras(kind) else {}
    rule = rules.get(kind.__name__)
    if rule is not None:
        return rule(call)
    known = ", ".join(rules or LAYERS)
    reason, remedy = REMEDIES.get(kind.__name__, (NO_RULE, f"one of {known}"))
    raise call.error(reason, f"Use {remedy}.")
