"""Lists of the synapses of chains in which an element has few sources.

The elements of the result of such a chain are sums of a few elements of the source.
`Gather` holds, for each summand, the index and the weight of the source's element.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from ml_genn.connectivity import Sparse
from ml_genn_tf.fusion import Chain
from ml_genn_tf.linear_maps import (
    AvgPool,
    Depthwise,
    LinearMap,
    Pad,
    Reshape,
    Scale,
    Scatter,
    Select,
    Shape,
)

NOTHING = -1  #: index of a summand that does not exist


@dataclass(frozen=True, eq=False)
class Gather:
    """Sums of weighted elements of a source.

    Args:
        index: row-major index of the source's element, (summands,) + shape; `NOTHING`
            where there is none.
        weight: its weight, in the same shape.
    """

    index: np.ndarray
    weight: np.ndarray


def listed(chain: Chain, source: Shape) -> Sparse | None:
    """Returns the synapses of a chain; None if one of its maps is not in `GATHERS`.

    Args:
        chain: maps, the first one applied first.
        source: shape of the source.
    """
    if not all(type(linear) in GATHERS for linear in chain):
        return None
    size = prod(source)
    gather = Gather(
        np.arange(size).reshape(1, *source), np.ones((1, *source), np.float32)
    )
    for linear in chain:
        shape = len(gather.index), *linear.source
        reshaped = Gather(gather.index.reshape(shape), gather.weight.reshape(shape))
        gather = GATHERS[type(linear)](linear, reshaped)
    pre = gather.index.reshape(len(gather.index), -1)
    post = np.broadcast_to(np.arange(pre.shape[1]), pre.shape)
    weight = np.broadcast_to(gather.weight.reshape(pre.shape), pre.shape)
    exists = (pre != NOTHING) & (weight != 0.0)
    return _summed(pre[exists], post[exists], weight[exists])


def _summed(pre: np.ndarray, post: np.ndarray, weight: np.ndarray) -> Sparse | None:
    """Returns synapses in the order of their sources, with one for each pair."""
    if not len(pre):
        return None
    order = np.lexsort((post, pre))
    pre, post, weight = pre[order], post[order], weight[order]
    is_first = np.append(True, (np.diff(pre) != 0) | (np.diff(post) != 0))
    first = np.flatnonzero(is_first)
    return Sparse(pre[first], post[first], np.add.reduceat(weight, first))


def _by_position(linear: LinearMap, gather: Gather) -> Gather:
    """Returns the elements after a map that only moves them."""
    index = linear.apply(gather.index - NOTHING) + NOTHING
    return Gather(index, linear.apply(gather.weight))


def _scatter(linear: Scatter, gather: Gather) -> Gather:
    summands, size = len(gather.index), prod(linear.shape)
    index = np.full((summands, size), NOTHING)
    weight = np.zeros((summands, size), np.float32)
    index[:, linear.index] = gather.index.reshape(summands, -1)
    weight[:, linear.index] = gather.weight.reshape(summands, -1)
    shape = summands, *linear.shape
    return Gather(index.reshape(shape), weight.reshape(shape))


def _pool(linear: AvgPool, gather: Gather) -> Gather:
    factor = np.float32(prod(linear.size))
    index = [p for _, _, p in linear.patches(gather.index, outside=NOTHING)]
    weight = [p / factor for _, _, p in linear.patches(gather.weight)]
    return Gather(np.concatenate(index), np.concatenate(weight))


def _depthwise(linear: Depthwise, gather: Gather) -> Gather:
    shape = len(gather.index), *linear.target
    index, weight = [], []
    multiplier = linear.kernel.shape[3]
    indices = linear.patches(gather.index, outside=NOTHING)
    for (k, j, pixels), (_, _, w) in zip(
        indices, linear.patches(gather.weight), strict=True
    ):
        index.append(np.repeat(pixels, multiplier, axis=-1))
        weight.append((w[..., None] * linear.kernel[k, j]).reshape(shape))
    return Gather(np.concatenate(index), np.concatenate(weight))


#: {type of a map: function of the map and a gather that returns the gather after it}
GATHERS: dict[type, Callable[[Any, Gather], Gather]] = {
    Reshape: _by_position,
    Pad: _by_position,
    Select: _by_position,
    Scale: lambda linear, gather: Gather(gather.index, linear.apply(gather.weight)),
    Scatter: _scatter,
    AvgPool: _pool,
    Depthwise: _depthwise,
}
