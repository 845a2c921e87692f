"""Weights that the patches of an image share: convolution and pooling."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np


@dataclass(frozen=True, slots=True)
class Axis:
    """How pixels along one axis of an image reach those of another.

    Weight k leads from pixel u to pixel o where ``u + before = stride o + k``; if it is
    transposed, where ``o + before = stride u + k``.

    Args:
        source, target: pixels.
        size: weights.
        stride, before: as above.
        transposed: which way round it is.
        pool: how many pixels of the source count as one.
        pool_stride: pixels from one such group to the next; groups do not overlap.
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
        """Groups of pixels in the source."""
        return pooled(self.source, self.pool, self.pool_stride)

    @property
    def order(self) -> np.ndarray:
        """Which weight is stored in each place.

        Those that a pixel uses lie beside each other, in the order of their targets.
        """
        weights = np.arange(self.size)
        if self.transposed:
            return weights
        return np.lexsort((-weights, weights % self.stride))

    def reach(self) -> np.ndarray:
        """What each pixel reaches: (source, 3).

        Its first target, the place of the weight that leads there, and the number of
        targets; the next target and the next place are one further each.
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
    """What a spike in an image adds to a patch of another image.

    Images are numbered row by row, a pixel's channels beside each other.

    Args:
        rows, columns: which pixels it reaches.
        channels: channels of the source.
        filters: weights of a channel and a pixel that is reached.
        shape: shape of the weights as users know them: (rows, columns, channels,
            filters), with the last two exchanged if it is transposed, or flatter.
        channelwise: whether each channel has filters of its own, else all channels add
            to the same.
    """

    rows: Axis
    columns: Axis
    channels: int
    filters: int
    shape: tuple[int, ...]
    channelwise: bool = False

    @property
    def depth(self) -> int:
        """Channels of the target."""
        return self.filters * (self.channels if self.channelwise else 1)

    @property
    def source_size(self) -> int:
        """Neurons of the source."""
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
        """How many pairs of neurons it connects."""
        down, across = (int(a.reach()[:, 2].sum()) for a in (self.rows, self.columns))
        return down * across * self.channels * self.filters

    def order(self) -> np.ndarray:
        """Where in the user's weights, flat, each one is that is stored.

        Stored are, for each channel, rows of pixels in the order of `Axis`, the filters
        of a pixel beside each other: what a spike adds to a row of its patch is one
        stretch.
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
    """How many windows of ``pool`` pixels there are, ``stride`` pixels apart."""
    return (pixels - pool) // stride + 1
