"""Rules that convert Keras layers to nodes of the graph."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ml_genn.errors import UnsupportedError
from ml_genn_tf.graph import (
    BiasStep,
    Concatenate,
    LinearStep,
    MaxPool,
    Node,
    Softmax,
    Sum,
    max_pool,
    rectify,
)
from ml_genn_tf.linear_maps import (
    NO_PADDING,
    AvgPool,
    Conv,
    ConvTranspose,
    Dense,
    Depthwise,
    LinearMap,
    Pad,
    Padding,
    Pair,
    Reshape,
    Scale,
    Scatter,
    Shape,
    same_padding,
)


@dataclass(frozen=True, eq=False)
class Call:
    """Call of a Keras layer.

    Args:
        layer: the Keras layer.
        inputs: arguments of the call.
        shape: shape of the result, for one example.
    """

    layer: Any
    inputs: tuple[Node, ...]
    shape: Shape

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

    def add_bias(self, node: Node, bias: np.ndarray | None) -> Node:
        """Returns the sum of a node and a bias; the node if there is no bias."""
        if bias is None:
            return node
        return Node(self.layer, BiasStep(bias), (node,), node.shape)

    def finish(self, node: Node, bias: np.ndarray | None) -> Node:
        """Returns a node after the layer's bias and activation."""
        return self.activate(self.add_bias(node, bias), self.layer.activation)

    def activate(self, node: Node, activation: Any) -> Node:
        """Returns a node after an activation function of Keras.

        Raises:
            UnsupportedError: if the activation has no spiking form.
        """
        if _is_of_keras(activation) and type(activation).__name__ == "ReLU":
            return rectify(self.layer, node, self.limit(activation))
        for function, rule in _activation_functions():
            if activation is function:
                return rule(self.layer, node)
        name = getattr(activation, "__name__", str(activation))
        module = getattr(activation, "__module__", None)
        own = (
            "" if _is_of_keras(activation) else f" of '{module}', no function of Keras,"
        )
        known = ", ".join(f"'{key}'" for key in ACTIVATIONS)
        raise self.error(
            f"activation '{name}'{own} has no spiking form",
            f"Train the model with one of {known}.",
        )

    def limit(self, layer: Any) -> float | None:
        """Returns the upper bound of a ReLU layer; None if there is none.

        Raises:
            UnsupportedError: if its function has no spiking form.
        """
        relu = replace(self, layer=layer)
        relu.check("negative_slope", 0.0, "spiking neurons send nothing below zero")
        relu.check("threshold", 0.0, "spiking neurons send all that is above zero")
        if layer.max_value is not None and not layer.max_value > 0.0:
            raise relu.error(
                f"max_value={layer.max_value!r}: its value is always zero",
                "Use a max_value above zero, or None.",
            )
        return None if layer.max_value is None else float(layer.max_value)

    def weights(self, *names: str) -> tuple[list[np.ndarray], np.ndarray | None]:
        """Returns kernels by their names, and the bias; None if the layer has no bias.

        Kernels are those with which the layer computes: after LoRA, with its product.
        """
        if getattr(self.layer, "quantization_mode", None):
            raise self.error("its weights are quantised", "Convert the float model.")
        bias = _numbers(self.layer.bias) if self.layer.use_bias else None
        return [_numbers(getattr(self.layer, name)) for name in names], bias

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


def _numbers(value: Any) -> np.ndarray:
    """Returns a variable or tensor of Keras in single precision."""
    from keras import ops

    return np.asarray(ops.convert_to_numpy(ops.cast(value, "float32")))


def _is_of_keras(value: Any) -> bool:
    """Returns True for functions and layers of Keras itself."""
    module = getattr(value, "__module__", None) or ""
    return module.split(".")[0] == "keras"


def _activation_functions() -> Iterator[tuple[Any, Callable[[Any, Node], Node]]]:
    """Yields activation functions of Keras and TensorFlow, and their rules.

    A function is recognised by identity: one of a user may have the same name.
    """
    import keras

    modules = [keras.activations, keras.ops]
    if "tensorflow" in sys.modules:
        modules.append(sys.modules["tensorflow"].nn)
    for name, rule in ACTIVATIONS.items():
        for module in modules:
            if hasattr(module, name):
                yield getattr(module, name), rule


#: {name of an activation function of Keras: function that applies it to a node}
ACTIVATIONS: dict[str, Callable[[Any, Node], Node]] = {
    "linear": lambda layer, node: node,
    "relu": rectify,
    "relu6": lambda layer, node: rectify(layer, node, 6.0),
    "softmax": lambda layer, node: Node(layer, Softmax(), (node,), node.shape),
}


def _dense(call: Call) -> Node:
    (weight,), bias = call.weights("kernel")
    node, shape = call.input, call.input.shape
    if len(shape) == 1:
        return call.finish(call.map(node, Dense(shape, weight)), bias)
    pixels = (int(np.prod(shape[:-2])), *shape[-2:])
    kernel = weight[None, None]
    node = call.map(node, Reshape(shape, pixels))
    node = call.map(node, Conv(pixels, (1, 1), NO_PADDING, kernel))
    return call.finish(call.map(node, Reshape(node.shape, call.shape)), bias)


def _dilated(kernel: np.ndarray, rate: Pair) -> np.ndarray:
    """Returns a dilated kernel, with zeros between its pixels."""
    down, across = rate
    rows, columns, *rest = kernel.shape
    sizes = down * (rows - 1) + 1, across * (columns - 1) + 1
    dilated = np.zeros((*sizes, *rest), np.float32)
    dilated[::down, ::across] = kernel
    return dilated


def _ungrouped(kernel: np.ndarray, groups: int) -> np.ndarray:
    """Returns the dense kernel of a grouped convolution."""
    rows, columns, channels, filters = kernel.shape
    dense = np.zeros((rows, columns, groups, channels, groups, filters // groups))
    parts = kernel.reshape(rows, columns, channels, groups, -1)
    for group in range(groups):
        dense[:, :, group, :, group] = parts[:, :, :, group]
    return dense.reshape(rows, columns, groups * channels, filters).astype(np.float32)


def _conv(call: Call) -> Node:
    layer, image = call.layer, call.image()
    (kernel,), bias = call.weights("kernel")
    kernel = _dilated(_ungrouped(kernel, layer.groups), layer.dilation_rate)
    padding = call.padding(kernel.shape[:2])
    linear = Conv(image, tuple(layer.strides), padding, kernel)
    return call.finish(call.map(call.input, linear), bias)


def _depthwise(call: Call, kernel: np.ndarray) -> Node:
    kernel = _dilated(kernel, call.layer.dilation_rate)
    strides, padding = tuple(call.layer.strides), call.padding(kernel.shape[:2])
    return call.map(call.input, Depthwise(call.image(), strides, padding, kernel))


def _depthwise_conv(call: Call) -> Node:
    (kernel,), bias = call.weights("kernel")
    return call.finish(_depthwise(call, kernel), bias)


def _separable_conv(call: Call) -> Node:
    (kernel, pointwise), bias = call.weights("depthwise_kernel", "pointwise_kernel")
    node = _depthwise(call, kernel)
    node = call.map(node, Conv(node.shape, (1, 1), NO_PADDING, pointwise))
    return call.finish(node, bias)


def _conv_transpose(call: Call) -> Node:
    layer, image = call.layer, call.image()
    call.check("output_padding", None, "the size follows from the strides")
    call.check("dilation_rate", (1, 1), "kernels are not dilated")
    (kernel,), bias = call.weights("kernel")
    same = layer.padding == "same"
    linear = ConvTranspose(image, kernel, tuple(layer.strides), same)
    return call.finish(call.map(call.input, linear), bias)


def _average_pooling(call: Call) -> Node:
    size, strides, image = call.layer.pool_size, call.layer.strides, call.image()
    padding = call.padding(size)
    node = call.map(call.input, AvgPool(image, tuple(strides), padding, tuple(size)))
    if padding == NO_PADDING:
        return node
    # Keras averages the pixels inside the image only, not those of the padding.
    mask_pool = AvgPool((*image[:2], 1), tuple(strides), padding, tuple(size))
    fraction_inside = mask_pool.apply(np.ones((1, *image[:2], 1), np.float32))[0]
    factor = np.broadcast_to(1 / fraction_inside, node.shape)
    return call.map(node, Scale(node.shape, factor))


def _global_average(call: Call) -> Node:
    image = call.image()
    node = call.map(
        call.input, AvgPool(image, (1, 1), NO_PADDING, (image[0], image[1]))
    )
    return call.map(node, Reshape(node.shape, call.shape))


def _max_pooling(call: Call) -> Node:
    call.image()
    layer = call.layer
    step = MaxPool(
        tuple(layer.pool_size), tuple(layer.strides), layer.padding == "same"
    )
    return max_pool(layer, call.input, step, call.shape)


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


def _scaled(call: Call, factor: np.ndarray, bias: np.ndarray) -> Node:
    linear = Scale(call.input.shape, factor.astype(np.float32))
    return call.add_bias(call.map(call.input, linear), bias.astype(np.float32))


def _add(call: Call) -> Node:
    if any(x.shape != call.shape for x in call.inputs):
        raise call.error(
            f"inputs have the shapes {[x.shape for x in call.inputs]}",
            "Add layers of the same shape.",
        )
    return Node(call.layer, Sum(), call.inputs, call.shape)


def _concatenate(call: Call) -> Node:
    axis = call.layer.axis - 1 if call.layer.axis > 0 else call.layer.axis
    positions = np.arange(np.prod(call.shape)).reshape(call.shape)
    ends = np.cumsum([x.shape[axis] for x in call.inputs])
    parts = np.split(positions, ends[:-1], axis)
    scatters = tuple(
        Scatter(x.shape, call.shape, part.ravel())
        for x, part in zip(call.inputs, parts, strict=True)
    )
    return Node(call.layer, Concatenate(scatters), call.inputs, call.shape)


def _zero_padding(call: Call) -> Node:
    return call.map(call.input, Pad(call.image(), call.layer.padding))


def _reshape(call: Call) -> Node:
    return call.map(call.input, Reshape(call.input.shape, call.shape))


def _flatten(call: Call) -> Node:
    call.check("data_format", "channels_last", "images have their channels last")
    return _reshape(call)


def _activation(call: Call) -> Node:
    return call.activate(call.input, call.layer.activation)


def _relu(call: Call) -> Node:
    return rectify(call.layer, call.input, call.limit(call.layer))


def _softmax(call: Call) -> Node:
    return ACTIVATIONS["softmax"](call.layer, call.input)


def _identity(call: Call) -> Node:
    return call.input


#: {class of Keras: rule that converts a call to a node}
LAYERS: dict[str, Callable[[Call], Node]] = {
    "Activation": _activation,
    "ActivityRegularization": _identity,
    "Add": _add,
    "AlphaDropout": _identity,
    "AveragePooling2D": _average_pooling,
    "BatchNormalization": _batch_norm,
    "Concatenate": _concatenate,
    "Conv2D": _conv,
    "Conv2DTranspose": _conv_transpose,
    "Dense": _dense,
    "DepthwiseConv2D": _depthwise_conv,
    "Dropout": _identity,
    "Flatten": _flatten,
    "GaussianDropout": _identity,
    "GaussianNoise": _identity,
    "GlobalAveragePooling2D": _global_average,
    "Identity": _identity,
    "MaxPooling2D": _max_pooling,
    "ReLU": _relu,
    "Rescaling": _rescaling,
    "Reshape": _reshape,
    "SeparableConv2D": _separable_conv,
    "Softmax": _softmax,
    "SpatialDropout2D": _identity,
    "ZeroPadding2D": _zero_padding,
}

#: {class of Keras without a rule: remedy}
REMEDIES: dict[str, str] = {
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
    """Returns the node of a layer's result.

    Raises:
        UnsupportedError: if there is no rule for the layer, or for its arguments.
    """
    kind = type(call.layer)
    rule = LAYERS.get(kind.__name__)
    if rule is not None and _is_of_keras(kind):
        return rule(call)
    known = ", ".join(LAYERS)
    raise call.error(
        "there is no rule that converts it",
        f"Use {REMEDIES.get(kind.__name__, f'one of {known}')}.",
    )
