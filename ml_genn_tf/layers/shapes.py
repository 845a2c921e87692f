"""Rules of layers that move, repeat or cut off elements, or do nothing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ml_genn_tf.graph import Concatenate, Node
from ml_genn_tf.layers.call import Call
from ml_genn_tf.linear_maps import Pad, Reshape, Scatter, Select


def positions(node: Node) -> np.ndarray:
    """Returns the row-major positions of the elements of a node, in its shape."""
    return np.arange(np.prod(node.shape)).reshape(node.shape)


def select(call: Call, index: np.ndarray) -> Node:
    """Returns elements of the only input.

    Args:
        call: the call.
        index: their row-major positions.
    """
    return call.map(call.input, Select(call.input.shape, index))


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


def _cropping(call: Call) -> Node:
    rows, columns, _ = call.image()
    (top, bottom), (left, right) = call.layer.cropping
    index = positions(call.input)
    return select(call, index[top : rows - bottom, left : columns - right])


def _permute(call: Call) -> Node:
    axes = [axis - 1 for axis in call.layer.dims]
    return select(call, positions(call.input).transpose(axes))


def _up_sampling(call: Call) -> Node:
    call.image()
    call.check("interpolation", "nearest", "pixels are repeated")
    down, across = call.layer.size
    index = positions(call.input).repeat(down, axis=0).repeat(across, axis=1)
    return select(call, index)


def _identity(call: Call) -> Node:
    return call.input


#: Layers that do nothing in inference.
NOTHING_TO_DO = (
    "ActivityRegularization",
    "AlphaDropout",
    "Dropout",
    "GaussianDropout",
    "GaussianNoise",
    "Identity",
    "RandomBrightness",
    "RandomContrast",
    "RandomFlip",
    "RandomRotation",
    "RandomTranslation",
    "RandomZoom",
    "SpatialDropout1D",
    "SpatialDropout2D",
)

#: {class of Keras: rule that converts a call to a node}
LAYERS: dict[str, Callable[[Call], Node]] = {
    **dict.fromkeys(NOTHING_TO_DO, _identity),
    "Concatenate": _concatenate,
    "Cropping2D": _cropping,
    "Flatten": _flatten,
    "Permute": _permute,
    "Reshape": _reshape,
    "UpSampling2D": _up_sampling,
    "ZeroPadding2D": _zero_padding,
}
