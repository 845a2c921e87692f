"""Affine NIR nodes: their shapes and values, in the order of the graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from ml_genn.errors import UnsupportedError, ValidationError
from ml_genn.nir.schema import PASS_THROUGH, WEIGHTS, GraphNode, bounded

Shape = tuple[int, ...]


def output_shape(where: str, node: GraphNode, shape: Shape) -> Shape:
    """Returns the shape of a node's value for an input of a shape.

    Args:
        where: start of error messages.
        node: a node with weights, a pool, or one that passes values on.
        shape: shape of its input in the graph.

    Raises:
        UnsupportedError: if pooling is padded.
        ValidationError: if the input does not fit.
    """
    return bounded(where, SHAPES[node.kind](where, node, shape))


def apply_node(node: GraphNode, x: np.ndarray) -> np.ndarray:
    """Returns the value of a node, with its bias.

    Args:
        node: the node.
        x: input (examples,) + shape.
    """
    y = FUNCTIONS[node.kind](node, x) if node.kind in FUNCTIONS else x
    return np.asarray(y + bias_of(node))


def bias_of(node: GraphNode) -> np.ndarray:
    """Returns the bias of a node, in a shape that its values broadcast with."""
    bias = node.fields.get("bias")
    values = np.asarray(0.0 if bias is None else bias, float)
    return values[:, None, None] if node.kind == "Conv2d" and values.ndim else values


def chain_bias(nodes: Sequence[GraphNode], shapes: Sequence[Shape]) -> np.ndarray:
    """Returns the value of a chain for an input of zeros: the sum of all biases.

    Args:
        nodes: nodes of the chain, in order.
        shapes: shape of the input of each node, then that of the chain's value.
    """
    biased = [k for k, node in enumerate(nodes) if np.any(bias_of(node) != 0.0)]
    value = np.zeros((1, *shapes[-1]))
    if biased:
        value = np.zeros((1, *shapes[biased[0]]))
        for node, shape in zip(nodes[biased[0] :], shapes[biased[0] :], strict=False):
            value = apply_node(node, value.reshape(1, *shape))
    return value.reshape(shapes[-1])


def chain_matrix(nodes: Sequence[GraphNode], shapes: Sequence[Shape]) -> np.ndarray:
    """Returns the weights (source, target) of a chain, without biases.

    Args:
        nodes: nodes of the chain, in order.
        shapes: shape of the input of each node, then that of the chain's value.
    """
    value = np.eye(prod(shapes[0])).reshape(-1, *shapes[0])
    for node, shape in zip(nodes, shapes, strict=False):
        if node.kind in FUNCTIONS:
            value = FUNCTIONS[node.kind](node, value.reshape(-1, *shape))
    return value.reshape(len(value), -1)


def convolution_pads(node: GraphNode) -> tuple[tuple[int, int], tuple[int, int]]:
    """Returns zeros (before, after) the rows and columns of a Conv2d's input."""
    padding = node.fields["padding"]
    if padding == "valid":
        padding = (0, 0)
    if padding != "same":
        return (padding[0], padding[0]), (padding[1], padding[1])
    beyond = [n - 1 for n in kernel_size(node)]
    rows, columns = ((n // 2, n - n // 2) for n in beyond)
    return rows, columns


def kernel_size(node: GraphNode) -> tuple[int, int]:
    """Returns rows and columns of a Conv2d's kernel after dilation."""
    sizes, dilation = node.fields["weight"].shape[2:], node.fields["dilation"]
    rows, columns = (d * (n - 1) + 1 for n, d in zip(sizes, dilation, strict=True))
    return rows, columns


# ---------------------------------------------------------------- shapes
def _image(where: str, shape: Shape) -> tuple[int, int, int]:
    if len(shape) != 3:
        raise ValidationError(
            f"{where}: it needs images of shape (channels, rows, columns). Received "
            f"the shape {shape}."
        )
    return shape[0], shape[1], shape[2]


def _patches(
    where: str,
    pixels: Sequence[int],
    size: Sequence[int],
    stride: Sequence[int],
    pads: Sequence[tuple[int, int]],
) -> tuple[int, int]:
    """Returns the number of patches along rows and columns."""
    padded = [n + sum(pad) for n, pad in zip(pixels, pads, strict=True)]
    if any(n < k for n, k in zip(padded, size, strict=True)):
        raise ValidationError(
            f"{where}: patches of {tuple(size)} pixels do not fit into images of "
            f"{tuple(padded)} with their padding. Use smaller ones."
        )
    rows, columns = (
        (n - k) // s + 1 for n, k, s in zip(padded, size, stride, strict=True)
    )
    return rows, columns


def _convolved_shape(where: str, node: GraphNode, shape: Shape) -> Shape:
    channels, *pixels = _image(where, shape)
    weight, groups = node.fields["weight"], node.fields["groups"]
    if weight.shape[1] * groups != channels or len(weight) % groups:
        raise ValidationError(
            f"{where}: a kernel of shape {weight.shape} in {groups} groups is for "
            f"{weight.shape[1] * groups} channels, and the groups have the same number "
            f"of filters. Received images of shape {shape}."
        )
    stride = node.fields["stride"]
    if node.fields["padding"] == "same" and stride != (1, 1):
        raise ValidationError(
            f"{where}: padding 'same' has strides of 1. Received strides of {stride}. "
            "Give the padding as pixels."
        )
    _check_bias(where, node, len(weight))
    pads, kernel = convolution_pads(node), kernel_size(node)
    bounded(where, (*kernel, *weight.shape[:2]))
    size = _patches(where, pixels, kernel, stride, pads)
    return (len(weight), *size)


def _pooled_shape(where: str, node: GraphNode, shape: Shape) -> Shape:
    channels, *pixels = _image(where, shape)
    if any(node.fields["padding"]):
        raise UnsupportedError(
            f"{where}: images are not padded before they are pooled. Use padding 0."
        )
    size, stride = node.fields["kernel_size"], node.fields["stride"]
    return (channels, *_patches(where, pixels, size, stride, ((0, 0), (0, 0))))


def _product_shape(where: str, node: GraphNode, shape: Shape) -> Shape:
    targets, sources = node.fields["weight"].shape
    _check_bias(where, node, targets)
    if prod(shape) == sources:  # an image is flattened
        return (targets,)
    if shape and shape[-1] == sources:
        return (*shape[:-1], targets)
    raise ValidationError(
        f"{where}: weights of shape {(targets, sources)} take {sources} numbers. "
        f"Received {prod(shape)}, of shape {shape}."
    )


def _check_bias(where: str, node: GraphNode, targets: int) -> None:
    shape = np.shape(node.fields.get("bias", 0.0))
    if shape not in ((), (targets,)):
        raise ValidationError(
            f"{where}: a bias has one number for each of {targets} rows of the "
            f"weights. Received shape {shape}."
        )


def _flat_shape(where: str, node: GraphNode, shape: Shape) -> Shape:
    declared = node.fields["input_type"] or shape
    examples = len(declared) - len(shape)  # 1 if the shape has an axis of examples
    if examples not in (0, 1) or declared[examples:] != shape:
        raise ValidationError(
            f"{where}: it was written for values of shape {declared}. Received {shape}."
        )
    if len(shape) == 1:
        return shape
    axes = len(declared)
    first, last = (node.fields[name] for name in ("start_dim", "end_dim"))
    first, last = (n + axes if n < 0 else n for n in (first, last))
    if not examples <= first <= last < axes:
        raise ValidationError(
            f"{where}: start_dim and end_dim are axes of the shape {declared}, in "
            f"order. Received {node.fields['start_dim']} and "
            f"{node.fields['end_dim']}."
        )
    middle = prod(declared[first : last + 1])
    return (*declared[examples:first], middle, *declared[last + 1 :])


def _same_shape(where: str, node: GraphNode, shape: Shape) -> Shape:
    if node.shape is not None and prod(node.shape) not in (1, prod(shape)):
        raise ValidationError(
            f"{where}: it was written for values of shape {node.shape}. Received "
            f"{shape}."
        )
    return shape


#: {kind: function of (start of errors, node, shape) that returns the next shape}
SHAPES: dict[str, Callable[[str, GraphNode, Shape], Shape]] = {
    **dict.fromkeys(WEIGHTS, _product_shape),
    **dict.fromkeys(PASS_THROUGH, _same_shape),
    "AvgPool2d": _pooled_shape,
    "Conv2d": _convolved_shape,
    "Flatten": _flat_shape,
    "SumPool2d": _pooled_shape,
}


# ---------------------------------------------------------------- values
def _patch_sum(
    x: np.ndarray, size: Any, stride: Any, step: Any, term: Callable[..., np.ndarray]
) -> np.ndarray:
    """Returns the sum of a term of all pixels of patches.

    Args:
        x: padded images (examples, channels, rows, columns).
        size, stride, step: pixels of a patch, from one patch to the next, and from one
            pixel of a patch to the next.
        term: function of (pixels, row, column) that returns what a pixel adds.
    """
    rows, columns = (
        (n - d * (k - 1) - 1) // s + 1
        for n, k, s, d in zip(x.shape[2:], size, stride, step, strict=True)
    )
    total: Any = 0.0
    for k in range(size[0]):
        for m in range(size[1]):
            row, column = k * step[0], m * step[1]
            pixels = x[
                :,
                :,
                row : row + stride[0] * (rows - 1) + 1 : stride[0],
                column : column + stride[1] * (columns - 1) + 1 : stride[1],
            ]
            total = total + term(pixels, k, m)
    return np.asarray(total)


def _convolved(node: GraphNode, x: np.ndarray) -> np.ndarray:
    weight, groups = node.fields["weight"].astype(float), node.fields["groups"]
    padded = np.pad(x, [(0, 0), (0, 0), *convolution_pads(node)])
    fields = node.fields
    parts = [
        _patch_sum(
            channels,
            weight.shape[2:],
            fields["stride"],
            fields["dilation"],
            lambda pixels, k, m, w=kernels: np.einsum(
                "bcij,fc->bfij", pixels, w[:, :, k, m]
            ),
        )
        for channels, kernels in zip(
            np.split(padded, groups, axis=1), np.split(weight, groups), strict=True
        )
    ]
    return np.concatenate(parts, axis=1)


def _pooled(node: GraphNode, x: np.ndarray) -> np.ndarray:
    size, stride = node.fields["kernel_size"], node.fields["stride"]
    total = _patch_sum(x, size, stride, (1, 1), lambda pixels, k, m: pixels)
    return total / prod(size) if node.kind == "AvgPool2d" else total


def _product(node: GraphNode, x: np.ndarray) -> np.ndarray:
    weight = node.fields["weight"].astype(float)
    if prod(x.shape[1:]) == weight.shape[1]:
        x = x.reshape(len(x), -1)
    return np.asarray(x @ weight.T)


#: {kind: function of (node, values) without the bias}; others change shapes only
FUNCTIONS: dict[str, Callable[[GraphNode, np.ndarray], np.ndarray]] = {
    "Affine": _product,
    "AvgPool2d": _pooled,
    "Conv2d": _convolved,
    "Linear": _product,
    "SumPool2d": _pooled,
}
