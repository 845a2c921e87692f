"""Synapses of a convolution: as GeNN describes them, or listed one by one."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ml_genn.model.plan.kernel import Axis, Kernel


def in_toeplitz(kernel: Kernel) -> bool:
    """Whether GeNN's convolution without stride describes a kernel."""
    return not kernel.channelwise and all(
        not axis.transposed
        and (axis.stride, axis.pool, axis.pool_stride) == (1, 1, 1)
        and _border(axis) == axis.size - 1 - axis.before
        for axis in (kernel.rows, kernel.columns)
    )


def _border(axis: Axis) -> int:
    """What GeNN takes for the border of an image."""
    return (axis.source + axis.size - 1 - axis.target) // 2


def toeplitz(kernel: Kernel) -> dict[str, int]:
    """Parameters of GeNN's convolution."""
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
def patches(kernel: Kernel) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(source, target, place among the user's weights, flat) of each synapse."""
    reach = [axis.reach() for axis in (kernel.rows, kernel.columns)]
    stored = kernel.order().reshape(
        kernel.channels, kernel.rows.size, kernel.columns.size, kernel.filters
    )
    _, width, depth = kernel.target_shape
    found = []
    for row, (row_to, row_weight, rows) in enumerate(reach[0]):
        for column, (column_to, column_weight, columns) in enumerate(reach[1]):
            r, c, channel, f = np.meshgrid(
                np.arange(rows),
                np.arange(columns),
                np.arange(kernel.channels),
                np.arange(kernel.filters),
                indexing="ij",
            )
            pixel = row * kernel.columns.source + column
            own = channel * kernel.filters if kernel.channelwise else 0
            target = ((row_to + r) * width + column_to + c) * depth + own + f
            place = stored[channel, row_weight + r, column_weight + c, f]
            source = pixel * kernel.channels + channel
            found.append(np.stack([source, target, place]).reshape(3, -1))
    source, target, place = np.concatenate(found, axis=1)
    order = np.lexsort((target, source))
    return source[order], target[order], place[order]
