"""Call of a Keras layer, as rules of layers see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_genn.errors import UnsupportedError
from ml_genn_tf.graph import BiasStep, LinearStep, Node, Sum
from ml_genn_tf.linear_maps import (
    NO_PADDING,
    LinearMap,
    Padding,
    Pair,
    Scale,
    Shape,
    same_padding,
)


@dataclass(frozen=True, eq=False)
class Call:
    """Call of a Keras layer.

    Args:
        layer: the Keras layer or operation.
        inputs: arguments of the call that are tensors of the model.
        shape: shape of the result, for one example.
        operands: all positional arguments, for operations: nodes and constants.
    """

    layer: Any
    inputs: tuple[Node, ...]
    shape: Shape
    operands: tuple[Any, ...] = ()

    @property
    def input(self) -> Node:
        """The only input."""
        (node,) = self.inputs
        return node

    def error(self, reason: str, remedy: str) -> UnsupportedError:
        """Returns the error for a layer that cannot be converted."""
        name = f"'{self.layer.name}' ({type(self.layer).__name__})"
        return UnsupportedError(f"Layer {name}: {reason}. {remedy}")

    def map(self, node: Node, linear: LinearMap) -> Node:
        """Returns a linear map of a node."""
        return Node(self.layer, LinearStep(linear), (node,), linear.target)

    def scale(self, node: Node, factor: Any) -> Node:
        """Returns the product of a node and a number, or numbers of its shape."""
        numbers = np.atleast_1d(np.asarray(factor, np.float32))
        return self.map(node, Scale(node.shape, numbers))

    def sum(self, *nodes: Node) -> Node:
        """Returns the sum of nodes of the same shape."""
        return Node(self.layer, Sum(), nodes, nodes[0].shape)

    def add_bias(self, node: Node, bias: np.ndarray | None) -> Node:
        """Returns the sum of a node and a bias; the node if there is no bias."""
        if bias is None:
            return node
        return Node(self.layer, BiasStep(bias), (node,), node.shape)

    def weights(self, *names: str) -> tuple[list[np.ndarray], np.ndarray | None]:
        """Returns kernels by their names, and the bias; None if the layer has no bias.

        Kernels are those with which the layer computes: after LoRA, with its product.
        """
        if getattr(self.layer, "quantization_mode", None):
            raise self.error("its weights are quantised", "Convert the float model.")
        bias = numbers(self.layer.bias) if self.layer.use_bias else None
        return [numbers(getattr(self.layer, name)) for name in names], bias

    def check(self, name: str, value: Any, reason: str) -> None:
        """Raises UnsupportedError unless an argument of the layer equals ``value``."""
        actual = getattr(self.layer, name)
        if actual != value:
            raise self.error(f"{name}={actual!r}: {reason}", f"Use {name}={value!r}.")

    def image(self) -> Shape:
        """Returns the shape (rows, columns, channels) of the input, an image."""
        self.check("data_format", "channels_last", "images have their channels last")
        return self.input.shape

    def padding(self, size: Pair) -> Padding:
        """Returns the padding of the image for patches of a size."""
        if self.layer.padding == "valid":
            return NO_PADDING
        return same_padding(self.input.shape, size, tuple(self.layer.strides))


def numbers(value: Any) -> np.ndarray:
    """Returns a variable or tensor of Keras in single precision."""
    from keras import ops

    return np.asarray(ops.convert_to_numpy(ops.cast(value, "float32")))


def is_of_keras(value: Any) -> bool:
    """Returns True for functions and layers of Keras itself."""
    module = getattr(value, "__module__", None) or ""
    return module.split(".")[0] == "keras"
