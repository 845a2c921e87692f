"""Connectivity for chains of linear maps."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from ml_genn import connectivity as formats
from ml_genn.connectivity import Connectivity
from ml_genn_tf.fusion import Chain, fuse
from ml_genn_tf.linear_maps import (
    NO_PADDING,
    AvgPool,
    Conv,
    ConvTranspose,
    Dense,
    Depthwise,
    LinearMap,
    Padding,
    Pair,
    PatchMap,
    Reshape,
    Scale,
    Shape,
    same_padding,
)
from ml_genn_tf.listing import listed

#: Source neurons whose rows of weights are computed at once; bounds memory.
BLOCK = 256
#: Synapses of a list that is always accepted: some megabytes.
MAX_LISTED = 2**18
#: Synapses of a neuron in longer lists; those of pooling and elementwise maps.
MAX_FAN_OUT = 64
#: Factor by which the weights of fused maps may exceed those of the maps.
MAX_GROWTH = 2
WEIGHTS = ("weight", "kernel")  #: attributes with the weights of a map
#: {map: axis of its kernel for the channels of the source}
_SOURCES: dict[type, int] = {Conv: 2, ConvTranspose: 3, Depthwise: 2}


def chain_connectivity(
    chain: Chain, source: Shape, target: Shape, gain: float = 1.0
) -> Connectivity | None:
    """Returns connectivity that is equivalent to a chain of linear maps.

    Args:
        chain: maps, the first one applied first.
        source, target: shapes of the populations.
        gain: factor of all weights, 1 by default.

    Returns:
        A convolution, dense or one-to-one connectivity if `CONNECTIVITY_RULES` has one
        for the chain, else a list of synapses; None if all weights are zero.
    """
    scaled = chain
    if gain != 1.0:
        end = chain[-1].target if chain else source
        scaled = (*chain, Scale(end, np.float32(gain) * np.ones(1, np.float32)))
    shorter = _without_last_reshape(fuse(scaled))
    rule = CONNECTIVITY_RULES.get(tuple(type(linear) for linear in shorter))
    fits = _fits(shorter, source, target)
    direct = rule(*shorter) if rule and fits else None
    return direct or listed(scaled, source) or _sparse(scaled, source)


def is_proportional(chain: Chain) -> bool:
    """Returns True if a chain has connectivity of about the size of its maps.

    Args:
        chain: maps, the first one applied first; not empty.
    """
    if len(chain) == 1:
        return True
    shorter = _without_last_reshape(fuse(chain))
    numbers = sum(map(_numbers, shorter))
    if numbers > max(MAX_LISTED, MAX_GROWTH * sum(map(_numbers, chain))):
        return False
    if tuple(type(linear) for linear in shorter) in CONNECTIVITY_RULES:
        return True
    fan_out = prod(map(_fan_out, shorter))
    source, target = prod(chain[0].source), prod(chain[-1].target)
    return fan_out <= MAX_FAN_OUT or source * min(fan_out, target) <= MAX_LISTED


def _numbers(linear: LinearMap) -> int:
    """Returns the number of weights of a map."""
    return sum(getattr(linear, n).size for n in WEIGHTS if hasattr(linear, n))


def _fan_out(linear: LinearMap) -> int:
    """Returns an upper bound of the targets of an element of the source."""
    if isinstance(linear, Dense):
        return prod(linear.target)
    if isinstance(linear, Conv | ConvTranspose | Depthwise):
        return int(linear.kernel.size // linear.kernel.shape[_SOURCES[type(linear)]])
    return prod(linear.size) if isinstance(linear, AvgPool) else 1


def _without_last_reshape(chain: Chain) -> Chain:
    while chain and isinstance(chain[-1], Reshape):
        chain = chain[:-1]
    return chain


def _fits(chain: Chain, source: Shape, target: Shape) -> bool:
    """Returns True if populations have the shapes that the connectivity needs."""
    if not chain or isinstance(chain[0], Scale):
        return source == target
    return isinstance(chain[0], Dense) or chain[0].source == source


def _padding(linear: PatchMap) -> str | Padding:
    if linear.padding == NO_PADDING:
        return "valid"
    same = same_padding(linear.source, linear.size, linear.strides)
    return "same" if linear.padding == same else linear.padding


def _conv(linear: Conv) -> Connectivity:
    return formats.Conv2D(
        linear.kernel,
        linear.kernel.shape[3],
        linear.size,
        conv_strides=linear.strides,
        conv_padding=_padding(linear),
    )


def _depthwise(linear: Depthwise) -> Connectivity:
    return formats.DepthwiseConv2D(
        linear.kernel,
        linear.size,
        linear.kernel.shape[3],
        conv_strides=linear.strides,
        conv_padding=_padding(linear),
    )


def _conv_transpose(linear: ConvTranspose) -> Connectivity:
    return formats.Conv2DTranspose(
        linear.kernel,
        linear.kernel.shape[2],
        linear.kernel.shape[:2],
        conv_strides=linear.strides,
        conv_padding="same" if linear.same else "valid",
    )


def _one_to_one(linear: Scale) -> Connectivity:
    return formats.OneToOne(np.broadcast_to(linear.factor, linear.source).ravel())


def _pool(linear: AvgPool) -> Connectivity:
    if linear.padding != NO_PADDING:
        mean = np.full(linear.pool, 1 / prod(linear.pool), np.float32)
        kernel = np.tile(mean[..., None, None], (1, 1, linear.source[2], 1))
        return _depthwise(
            Depthwise(linear.source, linear.strides, linear.padding, kernel)
        )
    return formats.AvgPool2D(linear.size, pool_strides=linear.strides)


def _is_disjoint(linear: AvgPool) -> bool:
    """Returns True if patches lie inside the image and do not overlap."""
    pairs: tuple[Pair, Pair] = linear.strides, linear.size
    return linear.padding == NO_PADDING and all(
        stride >= size for stride, size in zip(*pairs, strict=True)
    )


def _pool_conv(pool: AvgPool, conv: Conv) -> Connectivity | None:
    if not _is_disjoint(pool):
        return None
    return formats.AvgPoolConv2D(
        conv.kernel,
        conv.kernel.shape[3],
        pool.size,
        conv.size,
        pool_strides=pool.strides,
        conv_strides=conv.strides,
        conv_padding=_padding(conv),
    )


def _pool_dense(pool: AvgPool, dense: Dense) -> Connectivity | None:
    if not _is_disjoint(pool):
        return None
    return formats.AvgPoolDense2D(dense.weight, pool.size, pool.strides)


#: {types of the maps of a chain: function that returns the equivalent connectivity}
CONNECTIVITY_RULES: dict[tuple[type, ...], Callable[..., Connectivity | None]] = {
    (): lambda: formats.OneToOne(1.0),
    (Scale,): _one_to_one,
    (Dense,): lambda linear: formats.Dense(linear.weight),
    (Conv,): _conv,
    (Depthwise,): _depthwise,
    (ConvTranspose,): _conv_transpose,
    (AvgPool,): _pool,
    (AvgPool, Conv): _pool_conv,
    (AvgPool, Dense): _pool_dense,
}


def _sparse(chain: Chain, source: Shape) -> Connectivity | None:
    """Returns a list of synapses, one for each nonzero weight of the chain."""
    size = prod(source)
    synapses: list[Any] = []
    for start in range(0, size, BLOCK):
        neurons = np.arange(start, min(start + BLOCK, size))
        x = np.zeros((len(neurons), size), np.float32)
        x[np.arange(len(neurons)), neurons] = 1.0
        for linear in chain:
            x = linear.apply(x.reshape(len(x), *linear.source))
        x = x.reshape(len(x), -1)
        pre, post = np.nonzero(x)
        synapses.append((neurons[pre], post, x[pre, post]))
    pre, post, weight = (np.concatenate(p) for p in zip(*synapses, strict=True))
    return formats.Sparse(pre, post, weight) if len(pre) else None
