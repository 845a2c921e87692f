"""Fusion of consecutive linear maps into fewer maps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

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
    Reshape,
    Scale,
    Scatter,
)

Chain = tuple[LinearMap, ...]  #: maps in the order in which they are applied


def fuse(chain: Chain) -> Chain:
    """Returns an equivalent chain with pairs of maps fused as far as possible."""
    for at, (first, second) in enumerate(pairwise(chain)):
        rule = FUSION_RULES.get((type(first), type(second)))
        pair = rule(first, second) if rule else None
        if pair is not None:
            return fuse((*chain[:at], *pair, *chain[at + 2 :]))
    return chain


def _scale_after(axes: tuple[int, ...]) -> Callable[[Any, Scale], Chain | None]:
    """Returns the rule for a kernel whose outputs are scaled; axes of its outputs."""

    def rule(first: Any, second: Scale) -> Chain | None:
        return _scaled(first, second.channels, axes)

    return rule


def _scale_before(axes: tuple[int, ...]) -> Callable[[Scale, Any], Chain | None]:
    """Returns the rule for a kernel whose inputs are scaled.

    Args:
        axes: axes of the kernel that are indexed by input channels.
    """

    def rule(first: Scale, second: Any) -> Chain | None:
        return _scaled(second, first.channels, axes)

    return rule


def _scaled(
    layer: Any, factor: np.ndarray | None, axes: tuple[int, ...]
) -> Chain | None:
    if factor is None:
        return None
    shape = [1] * 4
    for axis in axes:
        shape[axis] = layer.kernel.shape[axis]
    return (replace(layer, kernel=layer.kernel * factor.reshape(shape)),)


def _channel_range(scatter: Scatter) -> slice | None:
    """Returns the range of channels that are scattered to an image; None for another
    target."""
    return scatter.channels if len(scatter.shape) == 3 else None


def _scatter_kernel(axis: int) -> Callable[[Scatter, Any], Chain | None]:
    """Returns the rule for a kernel that reads scattered channels only.

    Channels that are zero contribute nothing, so their weights are dropped.
    """

    def rule(scatter: Scatter, second: Any) -> Chain | None:
        channel_range = _channel_range(scatter)
        if channel_range is None:
            return None
        kernel = np.take(
            second.kernel, range(channel_range.start, channel_range.stop), axis
        )
        return (replace(second, source=scatter.source, kernel=kernel),)

    return rule


def _scatter_last(scatter: Scatter, second: Any) -> Chain | None:
    """Exchanges a scatter and a map that treats channels independently."""
    channel_range = _channel_range(scatter)
    if channel_range is None:
        return None
    changes: dict[str, Any] = {"source": scatter.source}
    filters = 1
    if isinstance(second, Depthwise):
        changes["kernel"] = second.kernel[:, :, channel_range]
        filters = second.kernel.shape[3]
    first = replace(second, **changes)
    positions = np.arange(np.prod(second.target)).reshape(second.target)
    index = positions[
        ..., filters * channel_range.start : filters * channel_range.stop
    ].ravel()
    return first, Scatter(first.target, second.target, index)


def _scatter_scale(scatter: Scatter, scale: Scale) -> Chain:
    factor = np.broadcast_to(scale.factor, scale.source).ravel()[scatter.index]
    return _scale_first(Scale(scatter.source, factor.reshape(scatter.source)), scatter)


def _scale_first(scale: Scale, second: Any) -> Chain:
    """Returns the chain of a scale and another map.

    The scale has one factor per channel if all pixels have the same factors.
    """
    flat = scale.factor.reshape(-1, scale.source[-1])
    if np.all(flat == flat[0]):
        scale = replace(scale, factor=flat[0])
    return scale, second


def _add(a: Padding, b: Padding) -> Padding:
    (top, bottom), (left, right) = (
        (p[0] + q[0], p[1] + q[1]) for p, q in zip(a, b, strict=True)
    )
    return (top, bottom), (left, right)


def _pad_kernel(pad: Pad, second: Any) -> Chain:
    padding = _add(pad.padding, second.padding)
    return (replace(second, source=pad.source, padding=padding),)


def _pointwise(first: Depthwise, second: Conv) -> Chain | None:
    """Fuses a depthwise and a pointwise convolution into one convolution."""
    if second.size != (1, 1) or second.strides != (1, 1):
        return None
    if second.padding != NO_PADDING:
        return None
    num_channels, num_filters = first.kernel.shape[2:]
    pointwise = second.kernel.reshape(num_channels, num_filters, -1)
    kernel = np.einsum("klcm,cmf->klcf", first.kernel, pointwise)
    return (Conv(first.source, first.strides, first.padding, kernel),)


def _weighted(pool: AvgPool, factor: np.ndarray | None) -> Chain | None:
    """Returns average pooling with channel factors, as a depthwise convolution."""
    if factor is None:
        return None
    weight = np.float32(1 / np.prod(pool.size))
    shape = (*pool.size, len(factor), 1)
    kernel = np.broadcast_to((weight * factor)[:, None], shape)
    return (Depthwise(pool.source, pool.strides, pool.padding, kernel),)


def _reshape_scale(first: Reshape, scale: Scale) -> Chain:
    factor = np.broadcast_to(scale.factor, scale.source).reshape(first.source)
    return _scale_first(
        Scale(first.source, factor), replace(first, source=first.source)
    )


def _dense_scale(first: Dense, second: Scale) -> Chain:
    return (replace(first, weight=first.weight * second.factor),)


def _scale_dense(first: Scale, second: Dense) -> Chain:
    factor = np.broadcast_to(first.factor, first.source).reshape(-1, 1)
    return (replace(second, weight=factor * second.weight),)


#: {(type of first, type of second): rule}. A rule returns an equivalent chain of one
#: map, or of both in the other order; None if there is none.
FUSION_RULES: dict[tuple[type, type], Callable[[Any, Any], Chain | None]] = {
    (Scale, Scale): lambda a, b: (replace(a, factor=a.factor * b.factor),),
    (Dense, Scale): _dense_scale,
    (Scale, Dense): _scale_dense,
    (Conv, Scale): _scale_after((3,)),
    (Scale, Conv): _scale_before((2,)),
    (Depthwise, Scale): _scale_after((2, 3)),
    (Scale, Depthwise): _scale_before((2,)),
    (ConvTranspose, Scale): _scale_after((2,)),
    (Scale, ConvTranspose): _scale_before((3,)),
    (AvgPool, Scale): lambda a, b: _weighted(a, b.channels),
    (Scale, AvgPool): lambda a, b: _weighted(b, a.channels),
    (Reshape, Scale): _reshape_scale,
    (Scatter, Scale): _scatter_scale,
    (Pad, Pad): lambda a, b: (replace(a, padding=_add(a.padding, b.padding)),),
    (Pad, Conv): _pad_kernel,
    (Pad, Depthwise): _pad_kernel,
    (Pad, AvgPool): _pad_kernel,
    (Dense, Dense): lambda a, b: (replace(a, weight=a.weight @ b.weight),),
    (Depthwise, Conv): _pointwise,
    (Reshape, Reshape): lambda a, b: (replace(a, shape=b.shape),),
    (Reshape, Dense): lambda a, b: (replace(b, source=a.source),),
    (Reshape, Scatter): lambda a, b: (replace(b, source=a.source),),
    (Scatter, Reshape): lambda a, b: (replace(a, shape=b.shape),),
    (Scatter, Scatter): lambda a, b: (
        replace(b, source=a.source, index=b.index[a.index]),
    ),
    (Scatter, Dense): lambda a, b: (Dense(a.source, b.weight[a.index]),),
    (Scatter, Conv): _scatter_kernel(2),
    (Scatter, ConvTranspose): _scatter_kernel(3),
    (Scatter, Depthwise): _scatter_last,
    (Scatter, AvgPool): _scatter_last,
    (Scatter, Pad): _scatter_last,
}
