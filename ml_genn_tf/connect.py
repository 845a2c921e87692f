"""From linear maps to connectivity."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from ml_genn import connectivity as made
from ml_genn.connectivity import Connectivity
from ml_genn_tf.fusing import Chain, fused
from ml_genn_tf.linear import (
    NO_PADDING,
    Conv,
    ConvTranspose,
    Dense,
    Depthwise,
    Padding,
    Pair,
    Patches,
    Pool,
    Reshape,
    Scale,
    Shape,
    same_padding,
)

BLOCK = 256  #: neurons of a source that are looked at together


def connect(
    chain: Chain, source: Shape, target: Shape, gain: float = 1.0
) -> Connectivity | None:
    """Connectivity that does what a chain of linear maps does.

    Args:
        chain: maps, the first one applied first.
        source, target: shapes of the populations.
        gain: what weights are multiplied by, 1 by default.

    Returns:
        Shared, dense or one-to-one weights where there is a kind for the chain, else
        single synapses; None if all of them are zero.
    """
    whole = chain
    if gain != 1.0:
        end = chain[-1].target if chain else source
        whole = (*chain, Scale(end, np.float32(gain) * np.ones(1, np.float32)))
    found = fused(whole)
    while found and isinstance(found[-1], Reshape):
        found = found[:-1]
    rule = CONNECTED.get(tuple(type(linear) for linear in found))
    fits = _fits(found, source, target)
    return (rule(*found) if rule and fits else None) or _sparse(whole, source)


def _fits(chain: Chain, source: Shape, target: Shape) -> bool:
    """Whether populations have the shapes that the kind of connectivity needs."""
    if not chain or isinstance(chain[0], Scale):
        return source == target
    return isinstance(chain[0], Dense) or chain[0].source == source


def _padding(linear: Patches) -> str | Padding:
    if linear.padding == NO_PADDING:
        return "valid"
    same = same_padding(linear.source, linear.size, linear.strides)
    return "same" if linear.padding == same else linear.padding


def _conv(linear: Conv) -> Connectivity:
    return made.Conv2D(
        linear.kernel,
        linear.kernel.shape[3],
        linear.size,
        conv_strides=linear.strides,
        conv_padding=_padding(linear),
    )


def _depthwise(linear: Depthwise) -> Connectivity:
    return made.DepthwiseConv2D(
        linear.kernel,
        linear.size,
        linear.kernel.shape[3],
        conv_strides=linear.strides,
        conv_padding=_padding(linear),
    )


def _conv_transpose(linear: ConvTranspose) -> Connectivity:
    return made.Conv2DTranspose(
        linear.kernel,
        linear.kernel.shape[2],
        linear.kernel.shape[:2],
        conv_strides=linear.strides,
        conv_padding="same" if linear.same else "valid",
    )


def _one_to_one(linear: Scale) -> Connectivity:
    return made.OneToOne(np.broadcast_to(linear.factor, linear.source).ravel())


def _pool(linear: Pool) -> Connectivity:
    if linear.padding != NO_PADDING:
        share = np.full(linear.pool, 1 / prod(linear.pool), np.float32)
        kernel = np.tile(share[..., None, None], (1, 1, linear.source[2], 1))
        return _depthwise(
            Depthwise(linear.source, linear.strides, linear.padding, kernel)
        )
    return made.AvgPool2D(linear.size, pool_strides=linear.strides)


def _apart(linear: Pool) -> bool:
    """Whether patches lie in the image and do not overlap."""
    pairs: tuple[Pair, Pair] = linear.strides, linear.size
    return linear.padding == NO_PADDING and all(
        stride >= size for stride, size in zip(*pairs, strict=True)
    )


def _pool_conv(pool: Pool, conv: Conv) -> Connectivity | None:
    if not _apart(pool):
        return None
    return made.AvgPoolConv2D(
        conv.kernel,
        conv.kernel.shape[3],
        pool.size,
        conv.size,
        pool_strides=pool.strides,
        conv_strides=conv.strides,
        conv_padding=_padding(conv),
    )


def _pool_dense(pool: Pool, dense: Dense) -> Connectivity | None:
    if not _apart(pool):
        return None
    return made.AvgPoolDense2D(dense.weight, pool.size, pool.strides)


#: {types of a chain: the connectivity that does the same}
CONNECTED: dict[tuple[type, ...], Callable[..., Connectivity | None]] = {
    (): lambda: made.OneToOne(1.0),
    (Scale,): _one_to_one,
    (Dense,): lambda linear: made.Dense(linear.weight),
    (Conv,): _conv,
    (Depthwise,): _depthwise,
    (ConvTranspose,): _conv_transpose,
    (Pool,): _pool,
    (Pool, Conv): _pool_conv,
    (Pool, Dense): _pool_dense,
}


def _sparse(chain: Chain, source: Shape) -> Connectivity | None:
    """A synapse for each pair of neurons that the chain connects."""
    size = prod(source)
    parts: list[Any] = []
    for start in range(0, size, BLOCK):
        neurons = np.arange(start, min(start + BLOCK, size))
        x = np.zeros((len(neurons), size), np.float32)
        x[np.arange(len(neurons)), neurons] = 1.0
        for linear in chain:
            x = linear.apply(x.reshape(len(x), *linear.source))
        x = x.reshape(len(x), -1)
        pre, post = np.nonzero(x)
        parts.append((neurons[pre], post, x[pre, post]))
    pre, post, weight = (np.concatenate(p) for p in zip(*parts, strict=True))
    return made.Sparse(pre, post, weight) if len(pre) else None
