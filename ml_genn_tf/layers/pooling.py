"""Rules of pooling."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ml_genn_tf.graph import MaxPool, Node, max_pool
from ml_genn_tf.layers.call import Call
from ml_genn_tf.linear_maps import NO_PADDING, AvgPool, Reshape, Scale

#: Rows and columns of the patches from which the maximum of a whole image is computed.
STEP_OF_MAXIMA = 4


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


def _global_max(call: Call) -> Node:
    """Returns the maximum of an image, as maxima of maxima of small patches."""
    node = call.input
    rows, columns, channels = call.image()
    while rows * columns > 1 or node is call.input:
        size = min(rows, STEP_OF_MAXIMA), min(columns, STEP_OF_MAXIMA)
        rows, columns = -(-rows // size[0]), -(-columns // size[1])
        shape = rows, columns, channels
        node = max_pool(call.layer, node, MaxPool(size, size, same=True), shape)
    return call.map(node, Reshape(node.shape, call.shape))


#: {class of Keras: rule that converts a call to a node}
LAYERS: dict[str, Callable[[Call], Node]] = {
    "AveragePooling2D": _average_pooling,
    "GlobalAveragePooling2D": _global_average,
    "GlobalMaxPooling2D": _global_max,
    "MaxPooling2D": _max_pooling,
}
