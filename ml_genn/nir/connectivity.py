"""Connectivity for the pooling and weights between two NIR nodes of neurons."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from ml_genn.connectivity import (
    AvgPool2D,
    AvgPoolConv2D,
    AvgPoolDense2D,
    Connectivity,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    OneToOne,
)
from ml_genn.connectivity.shared import Image, convolution_axis
from ml_genn.errors import UnsupportedError, ValidationError
from ml_genn.nir.flat_graph import PASS_THROUGH, POOLS, WEIGHTS, FlatGraph
from ml_genn.population import Population


def connectivity_of(
    graph: FlatGraph,
    chain: Sequence[str],
    source: Population,
    target: str,
    factor: np.ndarray,
) -> Connectivity:
    """Returns the connectivity of the nodes between a source and a target.

    Args:
        graph: the graph.
        chain: names of the nodes between source and target, in order.
        source: source population.
        target: name of the target node.
        factor: factor of the weights: a number, or one for each target neuron.

    Raises:
        UnsupportedError: if no connectivity is equivalent.
        ValidationError: if shapes do not fit.
    """
    names = [c for c in chain if graph.kind(c) not in PASS_THROUGH]
    kinds = tuple(graph.kind(c) for c in names)
    nodes = [graph.nodes[c] for c in names]
    pool = nodes[0] if kinds and kinds[0] in POOLS else None
    last = nodes[-1] if kinds and kinds[-1] in WEIGHTS else None
    if len(names) != (pool is not None) + (last is not None):
        raise UnsupportedError(
            f"NIR nodes {', '.join(names)}, which lead to '{target}': between "
            "neurons there may be pooling, then weights, once each. Put neurons "
            "between them, or multiply weights."
        )
    if last is not None and kinds[-1] == "Conv2d":
        return _convolution(names[-1], last, pool, kinds[0], source, factor)
    if last is not None:
        return _dense(names[-1], last, pool, kinds[0], source, factor)
    if pool is not None:
        return _pool(names[-1], pool, kinds[0], source, factor)
    return OneToOne(float(factor) if factor.ndim == 0 else factor.ravel())


def _dense(
    name: str,
    node: Any,
    pool: Any,
    pooling: str,
    source: Population,
    factor: np.ndarray,
) -> Connectivity:
    weight = np.asarray(node.weight)
    where = f"NIR node '{name}'"
    if weight.ndim != 2:
        raise UnsupportedError(
            f"{where}: weights have the shape (target, source). Received "
            f"{weight.shape}. Flatten what comes before."
        )
    image = source.shape if source.shape and len(source.shape) == 3 else None
    if pool is not None:
        size, strides, area = _pool_sizes(where, pool, pooling)
        image = _pooled(where, source, size, strides)
    if prod(image or source.shape or ()) != weight.shape[1]:
        raise ValidationError(
            f"{where}: weights of shape {weight.shape} take {weight.shape[1]} "
            f"numbers. Received {prod(image or source.shape or ())} from "
            f"'{source.name}', of shape {image or source.shape}."
        )
    if image is not None:
        rows, columns, channels = image
        channels_last = weight.reshape(-1, channels, rows, columns).transpose(
            0, 2, 3, 1
        )
        weight = channels_last.reshape(len(weight), -1)
    matrix = _times(weight.T, factor.ravel() if factor.ndim else factor)
    if pool is None:
        return Dense(matrix)
    return AvgPoolDense2D(_times(matrix, area), size, strides)


def _convolution(
    name: str,
    node: Any,
    pool: Any,
    pooling: str,
    source: Population,
    factor: np.ndarray,
) -> Connectivity:
    where, weight = f"NIR node '{name}'", np.asarray(node.weight)
    image, area = _image(where, source), 1.0
    if pool is not None:
        size, strides, area = _pool_sizes(where, pool, pooling)
        image = _pooled(where, source, size, strides)
    groups, channels = int(node.groups), weight.shape[1] * int(node.groups)
    if groups not in (1, image[2]) or channels != image[2]:
        raise UnsupportedError(
            f"{where}: it has {groups} groups of {weight.shape[1]} channels, and "
            f"'{source.name}' has {image[2]}. Use one group, or one for each."
        )
    if any(n != 1 for n in _pair(node.dilation)):
        raise UnsupportedError(f"{where}: kernels are not dilated here.")
    stride, conv_size = _pair(node.stride), (weight.shape[2], weight.shape[3])
    kernel = _times(weight.transpose(2, 3, 1, 0), _uniform_factor(where, factor) * area)
    common: dict[str, Any] = {
        "conv_strides": stride,
        "conv_padding": _padding(where, node.padding, image, conv_size, stride),
    }
    if groups > 1:
        if pool is not None:
            raise UnsupportedError(
                f"{where}: pooling before a convolution with groups. Put neurons "
                "between them."
            )
        filters = len(weight) // groups
        kernel = kernel.reshape(*conv_size, groups, filters)
        return DepthwiseConv2D(kernel, conv_size, filters, **common)
    if pool is not None:
        return AvgPoolConv2D(
            kernel, len(weight), size, conv_size, pool_strides=strides, **common
        )
    return Conv2D(kernel, len(weight), conv_size, **common)


def _pool(
    name: str, pool: Any, pooling: str, source: Population, factor: np.ndarray
) -> Connectivity:
    where = f"NIR node '{name}'"
    channels = _image(where, source)[2]
    size, strides, area = _pool_sizes(where, pool, pooling)
    pixel_weight = _uniform_factor(where, factor) * area / prod(size)
    if pixel_weight * prod(size) == 1.0:
        return AvgPool2D(size, pool_strides=strides)
    kernel = np.full((*size, channels, 1), pixel_weight)
    return DepthwiseConv2D(kernel, size, conv_strides=strides)


def _image(where: str, source: Population) -> Image:
    """Returns rows, columns and channels of a source.

    Raises:
        ValidationError: if it is no image.
    """
    shape = source.shape or ()
    if len(shape) != 3:
        raise ValidationError(
            f"{where}: it needs images of shape (channels, rows, columns). "
            f"'{source.name}' has shape {shape}."
        )
    return shape[0], shape[1], shape[2]


def _pair(size: Any) -> tuple[int, int]:
    rows, columns = (int(n) for n in np.broadcast_to(size, 2))
    return rows, columns


def _pool_sizes(where: str, pool: Any, kind: str) -> Any:
    """Returns size and strides of pooling, and the factor of the following weights.

    The factor makes averages of patches sums for SumPool2d.
    """
    if any(_pair(pool.padding)):
        raise UnsupportedError(
            f"{where}: images are not padded before they are pooled. Use padding 0."
        )
    size = _pair(pool.kernel_size)
    return size, _pair(pool.stride), float(prod(size)) if kind == "SumPool2d" else 1.0


def _pooled(where: str, source: Population, size: Any, strides: Any) -> Image:
    """Returns rows, columns and channels after pooling."""
    rows, columns, channels = _image(where, source)
    row, column = (
        convolution_axis(n, k, s, "valid").target
        for n, k, s in zip((rows, columns), size, strides, strict=True)
    )
    return row, column, channels


def _padding(where: str, padding: Any, image: Image, size: Any, stride: Any) -> str:
    """Returns "valid" or "same" for the padding of a convolution.

    Raises:
        UnsupportedError: if the padding is neither.
    """
    if isinstance(padding, bytes | str):
        return padding.decode() if isinstance(padding, bytes) else padding
    zeros = _pair(padding)
    if not any(zeros):
        return "valid"
    axes = [
        convolution_axis(*axis, "same")
        for axis in zip(image, size, stride, strict=False)
    ]
    pixels = [
        (a.source + 2 * p - a.size) // a.stride + 1
        for a, p in zip(axes, zeros, strict=True)
    ]
    if tuple(a.before for a in axes) == zeros and pixels == [a.target for a in axes]:
        return "same"
    raise UnsupportedError(
        f"{where}: an image of {image[0]} by {image[1]} pixels is padded by {zeros} "
        f"for a kernel of {tuple(size)} and strides of {tuple(stride)}. Here it is "
        f"padded by {tuple(a.before for a in axes)} ('same') or not at all ('valid')."
    )


def _uniform_factor(where: str, factor: np.ndarray) -> float:
    """Returns a factor as one number.

    Raises:
        UnsupportedError: if it differs between neurons.
    """
    if factor.ndim:
        raise UnsupportedError(
            f"{where}: r, or another number that weights are multiplied by, differs "
            "between the neurons of an image. Give all the same."
        )
    return float(factor)


def _times(weights: np.ndarray, factor: Any) -> np.ndarray:
    """Returns weights times a factor; the same array if the factor is 1."""
    return weights if np.all(np.asarray(factor) == 1.0) else weights * factor
