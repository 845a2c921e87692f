"""What each Keras layer does, as steps of the graph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_genn.errors import UnsupportedError
from ml_genn_tf.graph import (
    Join,
    Map,
    Maximum,
    Node,
    Shift,
    Softmax,
    Sum,
    maximum,
    rectify,
)
from ml_genn_tf.linear import (
    NO_PADDING,
    Conv,
    ConvTranspose,
    Dense,
    Depthwise,
    Linear,
    Pad,
    Padding,
    Pair,
    Place,
    Pool,
    Reshape,
    Scale,
    Shape,
    same_padding,
)


@dataclass(frozen=True, eq=False)
class Call:
    """A layer that is called.

    Args:
        layer: the Keras layer.
        inputs: what it is called with.
        shape: of an example of what comes out.
    """

    layer: Any
    inputs: tuple[Node, ...]
    shape: Shape

    @property
    def input(self) -> Node:
        """The only input."""
        (node,) = self.inputs
        return node

    def refuse(self, what: str, remedy: str) -> UnsupportedError:
        """The error for a layer that cannot be converted."""
        name = f"'{self.layer.name}' ({type(self.layer).__name__})"
        return UnsupportedError(f"Layer {name}: {what}. {remedy}")

    def map(self, node: Node, linear: Linear) -> Node:
        """A linear map of a node."""
        return Node(self.layer, Map(linear), (node,), linear.target)

    def shift(self, node: Node, bias: np.ndarray | None) -> Node:
        """A bias added to a node, if there is one."""
        if bias is None:
            return node
        return Node(self.layer, Shift(bias), (node,), node.shape)

    def finish(self, node: Node, bias: np.ndarray | None) -> Node:
        """The layer's bias and activation."""
        return self.activate(self.shift(node, bias), self.layer.activation)

    def activate(self, node: Node, activation: Any) -> Node:
        """An activation function of Keras."""
        name = getattr(activation, "__name__", str(activation))
        rule = ACTIVATIONS.get(name)
        if rule is None:
            known = ", ".join(f"'{one}'" for one in ACTIVATIONS)
            raise self.refuse(
                f"activation '{name}' has no spiking form",
                f"Train the model with one of {known}.",
            )
        return rule(self.layer, node)

    def weights(self, number: int) -> tuple[list[np.ndarray], np.ndarray | None]:
        """So many kernels, and the bias; None if there is none."""
        if getattr(self.layer, "quantization_mode", None):
            raise self.refuse("its weights are quantised", "Convert the float model.")
        found = [np.asarray(w, np.float32) for w in self.layer.get_weights()]
        return found[:number], found[number] if self.layer.use_bias else None

    def check(self, name: str, value: Any, why: str) -> None:
        """Refuses an argument of the layer that is not ``value``."""
        given = getattr(self.layer, name)
        if given != value:
            raise self.refuse(f"{name}={given!r}: {why}", f"Use {name}={value!r}.")

    def image(self) -> Shape:
        """The shape of the input, which is an image with its channels last."""
        self.check("data_format", "channels_last", "images have their channels last")
        return self.input.shape

    def padding(self, size: Pair) -> Padding:
        """Zeros around the image, for patches of a size."""
        if self.layer.padding == "valid":
            return NO_PADDING
        return same_padding(self.input.shape, size, tuple(self.layer.strides))


#: {name of an activation function of Keras: what it makes of a node}
ACTIVATIONS: dict[str, Callable[[Any, Node], Node]] = {
    "linear": lambda layer, node: node,
    "relu": rectify,
    "relu6": lambda layer, node: rectify(layer, node, 6.0),
    "softmax": lambda layer, node: Node(layer, Softmax(), (node,), node.shape),
}


def _dense(call: Call) -> Node:
    (weight,), bias = call.weights(1)
    node, shape = call.input, call.input.shape
    if len(shape) == 1:
        return call.finish(call.map(node, Dense(shape, weight)), bias)
    pixels = (int(np.prod(shape[:-2])), *shape[-2:])
    kernel = weight[None, None]
    node = call.map(node, Reshape(shape, pixels))
    node = call.map(node, Conv(pixels, (1, 1), NO_PADDING, kernel))
    return call.finish(call.map(node, Reshape(node.shape, call.shape)), bias)


def _dilated(kernel: np.ndarray, rate: Pair) -> np.ndarray:
    """A kernel with zeros between its pixels."""
    down, across = rate
    rows, columns, *rest = kernel.shape
    sizes = down * (rows - 1) + 1, across * (columns - 1) + 1
    grown = np.zeros((*sizes, *rest), np.float32)
    grown[::down, ::across] = kernel
    return grown


def _ungrouped(kernel: np.ndarray, groups: int) -> np.ndarray:
    """A kernel of all channels, from one whose groups of filters see some only."""
    rows, columns, channels, filters = kernel.shape
    whole = np.zeros((rows, columns, groups, channels, groups, filters // groups))
    parts = kernel.reshape(rows, columns, channels, groups, -1)
    for group in range(groups):
        whole[:, :, group, :, group] = parts[:, :, :, group]
    return whole.reshape(rows, columns, groups * channels, filters).astype(np.float32)


def _conv(call: Call) -> Node:
    layer, image = call.layer, call.image()
    (kernel,), bias = call.weights(1)
    kernel = _dilated(_ungrouped(kernel, layer.groups), layer.dilation_rate)
    padding = call.padding(kernel.shape[:2])
    linear = Conv(image, tuple(layer.strides), padding, kernel)
    return call.finish(call.map(call.input, linear), bias)


def _depthwise(call: Call, kernel: np.ndarray) -> Node:
    kernel = _dilated(kernel, call.layer.dilation_rate)
    strides, padding = tuple(call.layer.strides), call.padding(kernel.shape[:2])
    return call.map(call.input, Depthwise(call.image(), strides, padding, kernel))


def _depthwise_conv(call: Call) -> Node:
    (kernel,), bias = call.weights(1)
    return call.finish(_depthwise(call, kernel), bias)


def _separable_conv(call: Call) -> Node:
    (kernel, sums), bias = call.weights(2)
    node = _depthwise(call, kernel)
    node = call.map(node, Conv(node.shape, (1, 1), NO_PADDING, sums))
    return call.finish(node, bias)


def _conv_transpose(call: Call) -> Node:
    layer, image = call.layer, call.image()
    call.check("output_padding", None, "the size follows from the strides")
    call.check("dilation_rate", (1, 1), "kernels are not dilated")
    (kernel,), bias = call.weights(1)
    same = layer.padding == "same"
    linear = ConvTranspose(image, kernel, tuple(layer.strides), same)
    return call.finish(call.map(call.input, linear), bias)


def _average(call: Call) -> Node:
    size, strides, image = call.layer.pool_size, call.layer.strides, call.image()
    padding = call.padding(size)
    node = call.map(call.input, Pool(image, tuple(strides), padding, tuple(size)))
    if padding == NO_PADDING:
        return node
    # Keras takes the mean of the pixels that lie in the image.
    inside = Pool((*image[:2], 1), tuple(strides), padding, tuple(size))
    share = inside.apply(np.ones((1, *image[:2], 1), np.float32))[0]
    factor = np.broadcast_to(1 / share, node.shape)
    return call.map(node, Scale(node.shape, factor))


def _global_average(call: Call) -> Node:
    image = call.image()
    node = call.map(call.input, Pool(image, (1, 1), NO_PADDING, (image[0], image[1])))
    return call.map(node, Reshape(node.shape, call.shape))


def _maximum(call: Call) -> Node:
    call.image()
    layer = call.layer
    step = Maximum(
        tuple(layer.pool_size), tuple(layer.strides), layer.padding == "same"
    )
    return maximum(layer, call.input, step, call.shape)


def _batch_norm(call: Call) -> Node:
    layer, node = call.layer, call.input
    axis = layer.axis[0] if isinstance(layer.axis, list | tuple) else layer.axis
    if axis not in (-1, len(node.shape)):
        raise call.refuse("it normalises another axis than the last", "Use axis=-1.")
    *gains, mean, variance = (np.asarray(w, float) for w in layer.get_weights())
    factor = 1 / np.sqrt(variance + layer.epsilon)
    factor = factor * gains.pop(0) if layer.scale else factor
    bias = (gains.pop(0) if layer.center else 0.0) - mean * factor
    return _scaled(call, factor, bias)


def _rescaling(call: Call) -> Node:
    return _scaled(call, np.asarray(call.layer.scale), np.asarray(call.layer.offset))


def _scaled(call: Call, factor: np.ndarray, bias: np.ndarray) -> Node:
    linear = Scale(call.input.shape, factor.astype(np.float32))
    return call.shift(call.map(call.input, linear), bias.astype(np.float32))


def _add(call: Call) -> Node:
    if any(x.shape != call.shape for x in call.inputs):
        raise call.refuse(
            f"inputs have the shapes {[x.shape for x in call.inputs]}",
            "Add layers of the same shape.",
        )
    return Node(call.layer, Sum(), call.inputs, call.shape)


def _concatenate(call: Call) -> Node:
    axis = call.layer.axis - 1 if call.layer.axis > 0 else call.layer.axis
    places = np.arange(np.prod(call.shape)).reshape(call.shape)
    ends = np.cumsum([x.shape[axis] for x in call.inputs])
    parts = np.split(places, ends[:-1], axis)
    joined = tuple(
        Place(x.shape, call.shape, part.ravel())
        for x, part in zip(call.inputs, parts, strict=True)
    )
    return Node(call.layer, Join(joined), call.inputs, call.shape)


def _zeros(call: Call) -> Node:
    return call.map(call.input, Pad(call.image(), call.layer.padding))


def _reshape(call: Call) -> Node:
    return call.map(call.input, Reshape(call.input.shape, call.shape))


def _flatten(call: Call) -> Node:
    call.check("data_format", "channels_last", "images have their channels last")
    return _reshape(call)


def _activation(call: Call) -> Node:
    return call.activate(call.input, call.layer.activation)


def _relu(call: Call) -> Node:
    call.check("negative_slope", 0.0, "spiking neurons send nothing below zero")
    call.check("threshold", 0.0, "spiking neurons send all that is above zero")
    return rectify(call.layer, call.input, call.layer.max_value)


def _softmax(call: Call) -> Node:
    return ACTIVATIONS["softmax"](call.layer, call.input)


def _nothing(call: Call) -> Node:
    return call.input


#: {class of Keras: what it does to its inputs}
LAYERS: dict[str, Callable[[Call], Node]] = {
    "Activation": _activation,
    "ActivityRegularization": _nothing,
    "Add": _add,
    "AlphaDropout": _nothing,
    "AveragePooling2D": _average,
    "BatchNormalization": _batch_norm,
    "Concatenate": _concatenate,
    "Conv2D": _conv,
    "Conv2DTranspose": _conv_transpose,
    "Dense": _dense,
    "DepthwiseConv2D": _depthwise_conv,
    "Dropout": _nothing,
    "Flatten": _flatten,
    "GaussianDropout": _nothing,
    "GaussianNoise": _nothing,
    "GlobalAveragePooling2D": _global_average,
    "Identity": _nothing,
    "MaxPooling2D": _maximum,
    "ReLU": _relu,
    "Rescaling": _rescaling,
    "Reshape": _reshape,
    "SeparableConv2D": _separable_conv,
    "Softmax": _softmax,
    "SpatialDropout2D": _nothing,
    "ZeroPadding2D": _zeros,
}

#: {class of Keras without a rule: what to use instead}
INSTEAD: dict[str, str] = {
    "AveragePooling1D": "AveragePooling2D",
    "Conv1D": "Conv2D with one row",
    "ELU": "ReLU",
    "GlobalMaxPooling2D": "GlobalAveragePooling2D",
    "GroupNormalization": "BatchNormalization",
    "LayerNormalization": "BatchNormalization",
    "LeakyReLU": "ReLU",
    "MaxPooling1D": "MaxPooling2D",
    "PReLU": "ReLU",
    "Subtract": "Add, after a layer whose weights have the other sign",
    "UpSampling2D": "Conv2DTranspose",
}


def convert_call(call: Call) -> Node:
    """What a layer does, as steps of the graph.

    Raises:
        UnsupportedError: if there is no rule for the layer, or for how it is used.
    """
    kind = type(call.layer)
    rule = LAYERS.get(kind.__name__)
    if rule is not None and kind.__module__.split(".")[0] == "keras":
        return rule(call)
    known = ", ".join(LAYERS)
    raise call.refuse(
        "there is no rule that converts it",
        f"Use {INSTEAD.get(kind.__name__, f'one of {known}')}.",
    )
