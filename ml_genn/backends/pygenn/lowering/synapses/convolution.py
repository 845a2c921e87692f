"""Synapses of a convolution: GeNN's ``Conv2D`` where it fits, else a list."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ml_genn.model.plan.kernel import Axis, Kernel


def is_toeplitz(kernel: Kernel) -> bool:
    """True if GeNN's ``Conv2D``, which has no stride and no pooling, fits a kernel."""
    return not kernel.channelwise and all(
        not axis.transposed
        and (axis.stride, axis.pool, axis.pool_stride) == (1, 1, 1)
        and _border(axis) == axis.size - 1 - axis.before
        for axis in (kernel.rows, kernel.columns)
    )


def _border(axis: Axis) -> int:
    """Returns the border that GeNN computes from the sizes of the two images."""
    return (axis.source + axis.size - 1 - axis.target) // 2


def toeplitz_parameters(kernel: Kernel) -> dict[str, int]:
    """Returns the parameters of GeNN's ``Conv2D``: sizes of kernel and images."""
    rows, columns = kernel.rows, kernel.columns
    return {
        "conv_kh": rows.size,
        "conv_kw": columns.size,
        "conv_ih": rows.source,
        "conv_iw": columns.source,
        "conv_ic": kernel.channels,
        "conv_oh": rows.target,
        "conv_ow": columns.target,
        "conv_oc": kernel.depth,
    }


@lru_cache(maxsize=64)
def listed_synapses(kernel: Kernel) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns (source, target, index of the weight) of each synapse.

    Synapses are sorted by source and target; the index is into the user's weights,
    flattened.
    """
    reach = [axis.reach() for axis in (kernel.rows, kernel.columns)]
    weight_index = kernel.order().reshape(
        kernel.channels, kernel.rows.size, kernel.columns.size, kernel.filters
    )
    _, width, depth = kernel.target_shape
    patches = []
    for row, (first_row, row_weight, num_rows) in enumerate(reach[0]):
        for column, (first_column, column_weight, num_columns) in enumerate(reach[1]):
            r, c, channel, f = np.meshgrid(
                np.arange(num_rows),
                np.arange(num_columns),
                np.arange(kernel.channels),
                np.arange(kernel.filters),
                indexing="ij",
            )
            pixel = row * kernel.columns.source + column
            first_filter = channel * kernel.filters if kernel.channelwise else 0
            target_pixel = (first_row + r) * width + first_column + c
            target = target_pixel * depth + first_filter + f
            weight = weight_index[channel, row_weight + r, column_weight + c, f]
            source = pixel * kernel.channels + channel
            patches.append(np.stack([source, target, weight]).reshape(3, -1))
    source, target, weight = np.concatenate(patches, axis=1)
    order = np.lexsort((target, source))
    return source[order], target[order], weight[order]
