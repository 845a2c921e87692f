"""Connectivity for the pooling and weights between two NIR nodes of neurons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
    Sparse,
)
from ml_genn.errors import UnsupportedError
from ml_genn.nir.affine import Shape, chain_matrix, convolution_pads
from ml_genn.nir.layouts import Image, Layout
from ml_genn.nir.schema import PASS_THROUGH, POOLS, WEIGHTS, GraphNode

#: Largest matrix of a chain that is multiplied out: 1 GiB of double precision.
MAX_MATRIX = 2**27
#: Fraction of nonzero weights from which a matrix becomes `Dense`.
DENSE_FRACTION = 0.5


@dataclass(frozen=True, eq=False)
class Link:
    """Chain of affine nodes between two populations.

    Args:
        where: start of error messages.
        nodes: nodes of the chain that compute, in order.
        shapes: shape of the input of each, then of the chain's value.
        source, target: layouts of the populations.
        factor: factor of the weights: a number, or one for each target neuron.
    """

    where: str
    nodes: tuple[GraphNode, ...]
    shapes: tuple[Shape, ...]
    source: Layout
    target: Layout
    factor: np.ndarray

    @property
    def pool(self) -> GraphNode | None:
        """Pooling at the beginning; None if there is none."""
        is_pool = bool(self.nodes) and self.nodes[0].kind in POOLS
        return self.nodes[0] if is_pool else None

    @property
    def pooled(self) -> Image:
        """Channels, rows and columns after the pooling at the beginning."""
        size, stride = (self.nodes[0].fields[k] for k in ("kernel_size", "stride"))
        channels, *pixels = self.shapes[0]
        rows, columns = (
            (n - k) // s + 1 for n, k, s in zip(pixels, size, stride, strict=True)
        )
        return channels, rows, columns

    @property
    def weights(self) -> GraphNode | None:
        """Weights at the end; None if there are none."""
        has_weights = bool(self.nodes) and self.nodes[-1].kind in WEIGHTS
        return self.nodes[-1] if has_weights else None

    @property
    def is_one_step(self) -> bool:
        """True if there are at most pooling, then weights, once each."""
        steps = (self.pool is not None) + (self.weights is not None)
        return len(self.nodes) == steps

    @property
    def makes_image(self) -> bool:
        """True if source and target are images in the network, as in the graph."""
        first, last = self.shapes[0], self.shapes[-1]
        if len(first) != 3 or len(last) != 3 or self.source.image != first:
            return False
        image = self.target.image
        return image == last or (image is None and not Layout(last, last).is_reordered)


def link(
    where: str,
    nodes: Sequence[GraphNode],
    shapes: Sequence[Shape],
    ends: tuple[Layout, Layout],
    factor: np.ndarray,
) -> Link:
    """Returns a chain without the nodes that pass values on.

    Args:
        where: start of error messages.
        nodes: nodes of the chain, in order.
        shapes: shape of the input of each, then of the chain's value.
        ends: layouts of source and target.
        factor: factor of the weights: a number, or one for each target neuron.
    """
    steps = [
        (node, before, after)
        for node, before, after in zip(nodes, shapes, shapes[1:], strict=False)
        if node.kind not in PASS_THROUGH
    ]
    inputs = tuple(before for _, before, _ in steps)
    value = steps[-1][2] if steps else shapes[-1]
    return Link(
        where, tuple(n for n, _, _ in steps), (*inputs, value), *ends, factor=factor
    )


def connectivity_of(chain: Link) -> Connectivity:
    """Returns the connectivity of a chain.

    Pooling, a convolution, and either of them before weights, stay what they are; other
    chains become lists of synapses, with weights multiplied out.

    Raises:
        UnsupportedError: if there are too many synapses to multiply weights out.
    """
    if not chain.nodes:
        return _one_to_one(chain)
    weights = chain.weights
    if chain.is_one_step and weights is not None and weights.kind != "Conv2d":
        if prod(chain.shapes[-2]) == weights.fields["weight"].shape[1]:
            return _dense(chain, weights)
    elif chain.is_one_step and chain.makes_image and not chain.factor.ndim:
        if weights is None:
            return _pool(chain)
        if chain.pool is None or not _overlaps(chain.pool):
            return _convolution(chain, weights)
    return _multiplied_out(chain)


def _one_to_one(chain: Link) -> Connectivity:
    factor = chain.factor
    weight: Any = factor.ravel() if factor.ndim else float(factor)
    if chain.source.shape == chain.target.shape and (
        chain.source.is_reordered == chain.target.is_reordered
    ):
        return OneToOne(weight)
    order = chain.target.order()
    return Sparse(chain.source.position()[order], np.arange(order.size), weight)


def _dense(chain: Link, node: GraphNode) -> Connectivity:
    weight, pool = node.fields["weight"], chain.pool
    image = chain.pooled if pool is not None else chain.source.image
    if image is not None:
        weight = weight[:, Layout(image, image).order()]
    if chain.target.is_reordered:
        weight = weight[chain.target.order()]
    factor = chain.factor
    matrix = _times(weight.T, factor.ravel() if factor.ndim else factor)
    if pool is None:
        return Dense(matrix)
    if chain.source.image != chain.shapes[0] or _overlaps(pool):
        return _multiplied_out(chain)
    size, strides, area = _pool_sizes(pool)
    return AvgPoolDense2D(_times(matrix, area), size, strides)


def _convolution(chain: Link, node: GraphNode) -> Connectivity:
    fields, pool = node.fields, chain.pool
    area = 1.0 if pool is None else _pool_sizes(pool)[2]
    weight, groups = fields["weight"], fields["groups"]
    kernel = _times(weight.transpose(2, 3, 1, 0), float(chain.factor) * area)
    kernel = _dilated(kernel, fields["dilation"])
    size, filters = kernel.shape[:2], len(weight)
    common: dict[str, Any] = {
        "conv_strides": fields["stride"],
        "conv_padding": _padding(node),
    }
    if groups == chain.shapes[-2][0] > 1 and pool is None:
        kernel = kernel.reshape(*size, groups, filters // groups)
        return DepthwiseConv2D(kernel, size, filters // groups, **common)
    kernel = _ungrouped(kernel, groups)
    if pool is None:
        return Conv2D(kernel, filters, size, **common)
    pool_size, strides, _ = _pool_sizes(pool)
    return AvgPoolConv2D(
        kernel, filters, pool_size, size, pool_strides=strides, **common
    )


def _pool(chain: Link) -> Connectivity:
    size, strides, area = _pool_sizes(chain.nodes[0])
    pixel_weight = float(chain.factor) * area / prod(size)
    if pixel_weight * prod(size) == 1.0:
        return AvgPool2D(size, pool_strides=strides)
    kernel = np.full((*size, chain.shapes[0][0], 1), pixel_weight)
    return DepthwiseConv2D(kernel, size, conv_strides=strides)


def _multiplied_out(chain: Link) -> Connectivity:
    """Returns synapses with the weights of the whole chain.

    Raises:
        UnsupportedError: if the matrix does not fit into memory.
    """
    sizes = [prod(shape) for shape in chain.shapes]
    if sizes[0] * max(sizes) > MAX_MATRIX:
        raise UnsupportedError(
            f"{chain.where}: between neurons there may be pooling, then weights, once "
            f"each. Other chains are multiplied out, with at most {MAX_MATRIX:,} "
            f"weights. This one has {sizes[0] * max(sizes):,}. Put neurons between its "
            "nodes."
        )
    matrix = chain_matrix(chain.nodes, chain.shapes)
    matrix = matrix[chain.source.order()][:, chain.target.order()]
    matrix = _times(matrix, chain.factor.ravel() if chain.factor.ndim else chain.factor)
    if np.count_nonzero(matrix) >= DENSE_FRACTION * matrix.size:
        return Dense(matrix)
    source, target = np.nonzero(matrix)
    if not source.size:  # a synapse of weight zero keeps the connection
        return Sparse([0], [0], 0.0)
    return Sparse(source, target, matrix[source, target])


def _pool_sizes(pool: GraphNode) -> Any:
    """Returns size and strides of pooling, and the factor of the following weights.

    The factor makes averages of patches sums for SumPool2d.
    """
    size = pool.fields["kernel_size"]
    area = float(prod(size)) if pool.kind == "SumPool2d" else 1.0
    return size, pool.fields["stride"], area


def _overlaps(pool: GraphNode) -> bool:
    """Returns True if pooled patches overlap."""
    return any(np.less(pool.fields["stride"], pool.fields["kernel_size"]))


def _padding(node: GraphNode) -> Any:
    """Returns the argument conv_padding for the padding of a Conv2d."""
    pads = convolution_pads(node)
    return pads if np.any(pads) else "valid"


def _dilated(kernel: np.ndarray, dilation: tuple[int, int]) -> np.ndarray:
    """Returns a kernel with zeros between its rows and columns."""
    if dilation == (1, 1):
        return kernel
    rows, columns = (
        d * (n - 1) + 1 for n, d in zip(kernel.shape[:2], dilation, strict=True)
    )
    dilated = np.zeros((rows, columns, *kernel.shape[2:]), kernel.dtype)
    dilated[:: dilation[0], :: dilation[1]] = kernel
    return dilated


def _ungrouped(kernel: np.ndarray, groups: int) -> np.ndarray:
    """Returns a kernel of one group, zero where channels are of other groups."""
    if groups == 1:
        return kernel
    channels, filters = kernel.shape[2], kernel.shape[3] // groups
    full = np.zeros((*kernel.shape[:2], channels * groups, kernel.shape[3]))
    for g in range(groups):
        source = slice(g * channels, (g + 1) * channels)
        target = slice(g * filters, (g + 1) * filters)
        full[:, :, source, target] = kernel[:, :, :, target]
    return full


def _times(weights: np.ndarray, factor: Any) -> np.ndarray:
    """Returns weights times a factor; the same array if the factor is 1."""
    return weights if np.all(np.asarray(factor) == 1.0) else weights * factor
