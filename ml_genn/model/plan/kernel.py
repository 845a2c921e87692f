"""Kernels of convolution and pooling, whose weights all patches of an image share."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np


@dataclass(frozen=True, slots=True)
class Axis:
    """Kernel along one axis of an image.

    Weight k leads from pixel u to pixel o where ``u + before = stride o + k``, and in a
    transposed convolution where ``o + before = stride u + k``.

    Args:
        source, target: number of pixels.
        size: number of weights.
        stride: stride of the convolution, 1 by default.
        before: padding before the first pixel, 0 by default.
        transposed: True for a transposed convolution; False by default.
        pool: pixels of the source that are averaged, 1 by default.
        pool_stride: pixels from one average to the next, 1 by default; averages do not
            overlap.
    """

    source: int
    target: int
    size: int
    stride: int = 1
    before: int = 0
    transposed: bool = False
    pool: int = 1
    pool_stride: int = 1

    @property
    def pooled(self) -> int:
        """Number of averages of source pixels."""
        return pooled(self.source, self.pool, self.pool_stride)

    @property
    def order(self) -> np.ndarray:
        """Index of the weight that is stored in each place.

        Weights that a pixel uses lie next to each other, in the order of their targets.
        """
        weights = np.arange(self.size)
        if self.transposed:
            return weights
        return np.lexsort((-weights, weights % self.stride))

    def reach(self) -> np.ndarray:
        """Returns the targets of each pixel (source, 3).

        Columns are the first target, the place of its weight, and the number of
        targets; the next targets and places follow consecutively.
        """
        pixel = np.arange(self.source)
        group, target = pixel // self.pool_stride, np.arange(self.target)
        if self.transposed:
            weight = target + self.before - self.stride * group[:, None]
        else:
            weight = group[:, None] + self.before - self.stride * target
        inside = (pixel % self.pool_stride < self.pool) & (group < self.pooled)
        valid = (weight >= 0) & (weight < self.size) & inside[:, None]
        first, count = valid.argmax(axis=1), valid.sum(axis=1)
        leading = np.where(count, weight[pixel, first], 0)
        return np.stack([first, np.argsort(self.order)[leading], count], axis=1)


@dataclass(frozen=True, slots=True)
class Kernel:
    """Convolution kernel between two images.

    Neurons of an image are numbered row by row, the channels of a pixel next to each
    other.

    Args:
        rows, columns: the kernel along each axis.
        channels: channels of the source.
        filters: filters of each channel.
        shape: shape of the users' weights: (rows, columns, channels, filters), with the
            last two exchanged if transposed, or with fewer axes.
        channelwise: True if each channel has target channels of its own; False
            (default) if all channels add to the same.
    """

    rows: Axis
    columns: Axis
    channels: int
    filters: int
    shape: tuple[int, ...]
    channelwise: bool = False

    @property
    def depth(self) -> int:
        """Number of channels of the target."""
        return self.filters * (self.channels if self.channelwise else 1)

    @property
    def source_size(self) -> int:
        """Number of neurons of the source."""
        return self.rows.source * self.columns.source * self.channels

    @property
    def target_shape(self) -> tuple[int, int, int]:
        """Rows, columns and channels of the target."""
        return self.rows.target, self.columns.target, self.depth

    @property
    def size(self) -> int:
        """Number of weights."""
        return prod(self.shape)

    @property
    def synapses(self) -> int:
        """Number of pairs of neurons that it connects."""
        down, across = (int(a.reach()[:, 2].sum()) for a in (self.rows, self.columns))
        return down * across * self.channels * self.filters

    def order(self) -> np.ndarray:
        """Returns the index in the user's weights, flattened, of each stored weight.

        Weights are stored by channel, then by row and column in the order of `Axis`,
        then by filter: a spike adds a contiguous range of them to a row of its patch.
        """
        sizes = self.rows.size, self.columns.size
        if self.rows.transposed:
            places = np.arange(self.size).reshape(*sizes, self.filters, self.channels)
            places = places.swapaxes(2, 3)
        else:
            places = np.arange(self.size).reshape(*sizes, self.channels, self.filters)
        ordered: np.ndarray = places[self.rows.order][:, self.columns.order]
        return ordered.transpose(2, 0, 1, 3).reshape(-1)


def pooled(pixels: int, pool: int, stride: int) -> int:
    """Returns the number of windows of ``pool`` pixels, ``stride`` pixels apart."""
    return (pixels - pool) // stride + 1
