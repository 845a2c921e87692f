"""Rules of dense layers and convolutions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ml_genn_tf.graph import Node
from ml_genn_tf.layers.activations import finish
from ml_genn_tf.layers.call import Call
from ml_genn_tf.linear_maps import (
    NO_PADDING,
    Conv,
    ConvTranspose,
    Dense,
    Depthwise,
    Pair,
    Reshape,
)


def _dense(call: Call) -> Node:
    (weight,), bias = call.weights("kernel")
    node, shape = call.input, call.input.shape
    if len(shape) == 1:
        return finish(call, call.map(node, Dense(shape, weight)), bias)
    pixels = (int(np.prod(shape[:-2])), *shape[-2:])
    kernel = weight[None, None]
    node = call.map(node, Reshape(shape, pixels))
    node = call.map(node, Conv(pixels, (1, 1), NO_PADDING, kernel))
    return finish(call, call.map(node, Reshape(node.shape, call.shape)), bias)


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
    return finish(call, call.map(call.input, linear), bias)


def _depthwise(call: Call, kernel: np.ndarray) -> Node:
    kernel = _dilated(kernel, call.layer.dilation_rate)
    strides, padding = tuple(call.layer.strides), call.padding(kernel.shape[:2])
    return call.map(call.input, Depthwise(call.image(), strides, padding, kernel))


def _depthwise_conv(call: Call) -> Node:
    (kernel,), bias = call.weights("kernel")
    return finish(call, _depthwise(call, kernel), bias)


def _separable_conv(call: Call) -> Node:
    (kernel, pointwise), bias = call.weights("depthwise_kernel", "pointwise_kernel")
    node = _depthwise(call, kernel)
    node = call.map(node, Conv(node.shape, (1, 1), NO_PADDING, pointwise))
    return finish(call, node, bias)


def _conv_transpose(call: Call) -> Node:
    layer, image = call.layer, call.image()
    call.check("output_padding", None, "the size follows from the strides")
    call.check("dilation_rate", (1, 1), "kernels are not dilated")
    (kernel,), bias = call.weights("kernel")
    same = layer.padding == "same"
    linear = ConvTranspose(image, kernel, tuple(layer.strides), same)
    return finish(call, call.map(call.input, linear), bias)


#: {class of Keras: rule that converts a call to a node}
LAYERS: dict[str, Callable[[Call], Node]] = {
    "Conv2D": _conv,
    "Conv2DTranspose": _conv_transpose,
    "Dense": _dense,
    "DepthwiseConv2D": _depthwise_conv,
    "SeparableConv2D": _separable_conv,
}
