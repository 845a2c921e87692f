"""Linear maps that follow each other, made fewer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from ml_genn_tf.linear import (
    NO_PADDING,
    Conv,
    ConvTranspose,
    Dense,
    Depthwise,
    Linear,
    Pad,
    Padding,
    Place,
    Pool,
    Reshape,
    Scale,
)

Chain = tuple[Linear, ...]  #: maps, the first one applied first


def fused(chain: Chain) -> Chain:
    """The same map as a shorter chain, where neighbours make one."""
    for at, (first, second) in enumerate(pairwise(chain)):
        rule = FUSED.get((type(first), type(second)))
        made = rule(first, second) if rule else None
        if made is not None:
            return fused((*chain[:at], *made, *chain[at + 2 :]))
    return chain


def _scale_after(axes: tuple[int, ...]) -> Callable[[Any, Scale], Chain | None]:
    """A kernel whose outputs, along the axes, are scaled."""

    def rule(first: Any, second: Scale) -> Chain | None:
        return _scaled(first, second.channels, axes, second)

    return rule


def _scale_before(axes: tuple[int, ...]) -> Callable[[Scale, Any], Chain | None]:
    """A kernel whose inputs, along the axes, are scaled."""

    def rule(first: Scale, second: Any) -> Chain | None:
        return _scaled(second, first.channels, axes, first)

    return rule


def _scaled(
    kernel: Any, factor: np.ndarray | None, axes: tuple[int, ...], scale: Scale
) -> Chain | None:
    if factor is None:
        return None
    shape = [1] * 4
    for axis in axes:
        shape[axis] = kernel.kernel.shape[axis]
    return (replace(kernel, kernel=kernel.kernel * factor.reshape(shape)),)


def _channels(place: Place) -> slice | None:
    return place.channels if len(place.shape) == 3 else None


def _place_kernel(axis: int) -> Callable[[Place, Any], Chain | None]:
    """A kernel that is given some channels only; others add nothing."""

    def rule(place: Place, second: Any) -> Chain | None:
        found = _channels(place)
        if found is None:
            return None
        kernel = np.take(second.kernel, range(found.start, found.stop), axis)
        return (replace(second, source=place.source, kernel=kernel),)

    return rule


def _place_behind(place: Place, second: Any) -> Chain | None:
    """What treats channels one by one comes first."""
    found = _channels(place)
    if found is None:
        return None
    changed: dict[str, Any] = {"source": place.source}
    each = 1
    if isinstance(second, Depthwise):
        changed["kernel"] = second.kernel[:, :, found]
        each = second.kernel.shape[3]
    first = replace(second, **changed)
    places = np.arange(np.prod(second.target)).reshape(second.target)
    index = places[..., each * found.start : each * found.stop].ravel()
    return first, Place(first.target, second.target, index)


def _scale_placed(place: Place, scale: Scale) -> Chain:
    factor = np.broadcast_to(scale.factor, scale.source).ravel()[place.index]
    return _first(Scale(place.source, factor.reshape(place.source)), place)


def _first(scale: Scale, second: Any) -> Chain:
    """A factor and then something else; one for each channel where that suffices."""
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
    """Filters of channels, then sums over them: one convolution."""
    if second.size != (1, 1) or second.strides != (1, 1):
        return None
    if second.padding != NO_PADDING:
        return None
    channels, each = first.kernel.shape[2:]
    sums = second.kernel.reshape(channels, each, -1)
    kernel = np.einsum("klcm,cmf->klcf", first.kernel, sums)
    return (Conv(first.source, first.strides, first.padding, kernel),)


def _weighted(pool: Pool, factor: np.ndarray | None) -> Chain | None:
    """Means with a factor for each channel: filters of channels."""
    if factor is None:
        return None
    share = np.float32(1 / np.prod(pool.size))
    shape = (*pool.size, len(factor), 1)
    kernel = np.broadcast_to((share * factor)[:, None], shape)
    return (Depthwise(pool.source, pool.strides, pool.padding, kernel),)


def _reshape_scale(first: Reshape, scale: Scale) -> Chain:
    factor = np.broadcast_to(scale.factor, scale.source).reshape(first.source)
    return _first(Scale(first.source, factor), replace(first, source=first.source))


def _dense_scale(first: Dense, second: Scale) -> Chain:
    return (replace(first, weight=first.weight * second.factor),)


def _scale_dense(first: Scale, second: Dense) -> Chain:
    factor = np.broadcast_to(first.factor, first.source).reshape(-1, 1)
    return (replace(second, weight=factor * second.weight),)


#: {(first, second): the two as one, or in the other order; None where that cannot be}
FUSED: dict[tuple[type, type], Callable[[Any, Any], Chain | None]] = {
    (Scale, Scale): lambda a, b: (replace(a, factor=a.factor * b.factor),),
    (Dense, Scale): _dense_scale,
    (Scale, Dense): _scale_dense,
    (Conv, Scale): _scale_after((3,)),
    (Scale, Conv): _scale_before((2,)),
    (Depthwise, Scale): _scale_after((2, 3)),
    (Scale, Depthwise): _scale_before((2,)),
    (ConvTranspose, Scale): _scale_after((2,)),
    (Scale, ConvTranspose): _scale_before((3,)),
    (Pool, Scale): lambda a, b: _weighted(a, b.channels),
    (Scale, Pool): lambda a, b: _weighted(b, a.channels),
    (Reshape, Scale): _reshape_scale,
    (Place, Scale): _scale_placed,
    (Pad, Pad): lambda a, b: (replace(a, padding=_add(a.padding, b.padding)),),
    (Pad, Conv): _pad_kernel,
    (Pad, Depthwise): _pad_kernel,
    (Pad, Pool): _pad_kernel,
    (Dense, Dense): lambda a, b: (replace(a, weight=a.weight @ b.weight),),
    (Depthwise, Conv): _pointwise,
    (Reshape, Reshape): lambda a, b: (replace(a, shape=b.shape),),
    (Reshape, Dense): lambda a, b: (replace(b, source=a.source),),
    (Reshape, Place): lambda a, b: (replace(b, source=a.source),),
    (Place, Reshape): lambda a, b: (replace(a, shape=b.shape),),
    (Place, Place): lambda a, b: (replace(b, source=a.source, index=b.index[a.index]),),
    (Place, Dense): lambda a, b: (Dense(a.source, b.weight[a.index]),),
    (Place, Conv): _place_kernel(2),
    (Place, ConvTranspose): _place_kernel(3),
    (Place, Depthwise): _place_behind,
    (Place, Pool): _place_behind,
    (Place, Pad): _place_behind,
}
