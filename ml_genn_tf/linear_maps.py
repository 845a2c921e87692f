"""Linear maps of the layers of an ANN, in NumPy.

Arrays are in single precision, and their first axis is that of examples. Images have
the shape (rows, columns, channels).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import numpy as np

Shape = tuple[int, ...]
Pair = tuple[int, int]
Padding = tuple[Pair, Pair]  #: zeros before and after the rows, and the columns
NO_PADDING: Padding = ((0, 0), (0, 0))


@dataclass(frozen=True, eq=False)
class LinearMap(ABC):
    """Base of linear maps.

    Attributes:
        source: shape of one example of the operand.
    """

    source: Shape

    @property
    @abstractmethod
    def target(self) -> Shape:
        """Shape of one example of the result."""

    @abstractmethod
    def apply(self, x: np.ndarray) -> np.ndarray:
        """Returns the result for each example of ``x``, (examples,) + target."""


@dataclass(frozen=True, eq=False)
class Dense(LinearMap):
    """Product of a flattened example (row-major) and a matrix.

    Args:
        weight: matrix (inputs, outputs).
    """

    weight: np.ndarray

    @property
    def target(self) -> Shape:
        """Shape (outputs,)."""
        return (self.weight.shape[1],)

    def apply(self, x: np.ndarray) -> np.ndarray:
        """Returns the result for each example of ``x``, (examples,) + target."""
        out: np.ndarray = x.reshape(len(x), -1) @ self.weight
        return out


@dataclass(frozen=True, eq=False)
class PatchMap(LinearMap):
    """Base of maps of the patches of an image.

    Args:
        strides: rows and columns from one patch to the next.
        padding: zeros around the image.
    """

    strides: Pair
    padding: Padding

    @property
    @abstractmethod
    def size(self) -> Pair:
        """Rows and columns of a patch."""

    @property
    def pixels(self) -> Pair:
        """Rows and columns of the result: the number of patches."""
        rows, columns = (
            (n + sum(pad) - size) // stride + 1
            for n, size, stride, pad in zip(
                self.source[:2], self.size, self.strides, self.padding, strict=True
            )
        )
        return rows, columns

    def patches(
        self, x: np.ndarray, outside: float = 0.0
    ) -> Iterator[tuple[int, int, np.ndarray]]:
        """Yields (k, j, pixel k, j of every patch).

        Args:
            x: images.
            outside: value of the pixels of the padding, 0 by default.
        """
        padded = np.pad(
            x, ((0, 0), *self.padding, (0, 0)), constant_values=x.dtype.type(outside)
        )
        down, across = self.strides
        rows, columns = self.pixels
        for k in range(self.size[0]):
            for j in range(self.size[1]):
                yield (
                    k,
                    j,
                    padded[
                        :,
                        k : k + down * (rows - 1) + 1 : down,
                        j : j + across * (columns - 1) + 1 : across,
                    ],
                )


@dataclass(frozen=True, eq=False)
class Conv(PatchMap):
    """Convolution.

    Args:
        kernel: array (rows, columns, channels, filters).
    """

    kernel: np.ndarray

    @property
    def size(self) -> Pair:
        """Rows and columns of the kernel."""
        return self.kernel.shape[0], self.kernel.shape[1]

    @property
    def target(self) -> Shape:
        """Shape of an image."""
        return *self.pixels, self.kernel.shape[3]

    def apply(self, x: np.ndarray) -> np.ndarray:
        """Returns the result for each example of ``x``, (examples,) + target."""
        out = np.zeros((len(x), *self.target), np.float32)
        for k, j, pixels in self.patches(x):
            out += pixels @ self.kernel[k, j]
        return out


@dataclass(frozen=True, eq=False)
class Depthwise(PatchMap):
    """Depthwise convolution: each channel has filters of its own.

    Args:
        kernel: array (rows, columns, channels, filters per channel).
    """

    kernel: np.ndarray

    @property
    def size(self) -> Pair:
        """Rows and columns of the kernel."""
        return self.kernel.shape[0], self.kernel.shape[1]

    @property
    def target(self) -> Shape:
        """Shape of an image; the results of a channel's filters are adjacent."""
        return *self.pixels, prod(self.kernel.shape[2:])

    def apply(self, x: np.ndarray) -> np.ndarray:
        """Returns the result for each example of ``x``, (examples,) + target."""
        out = np.zeros((len(x), *self.pixels, *self.kernel.shape[2:]), np.float32)
        for k, j, pixels in self.patches(x):
            out += pixels[..., None] * self.kernel[k, j]
        return out.reshape(len(x), *self.target)


@dataclass(frozen=True, eq=False)
class AvgPool(PatchMap):
    """Average pooling.

    Args:
        pool: rows and columns of a patch.
    """

    pool: Pair

    @property
    def size(self) -> Pair:
        """Rows and columns of a patch."""
        return self.pool

    @property
    def target(self) -> Shape:
        """Shape of an image."""
        return *self.pixels, self.source[2]

    def apply(self, x: np.ndarray) -> np.ndarray:
        """Returns the result for each example of ``x``, (examples,) + target."""
        total = np.zeros((len(x), *self.target), np.float32)
        for _, _, pixels in self.patches(x):
            total += pixels
        return total / np.float32(prod(self.size))


@dataclass(frozen=True, eq=False)
class ConvTranspose(LinearMap):
    """Transposed convolution.

    Args:
        kernel: array (rows, columns, filters, channels).
        strides: pixels from one patch to the next in the result.
        same: True if the result has the rows and columns of the source times strides.
    """

    kernel: np.ndarray
    strides: Pair
    same: bool

    @property
    def _overlap(self) -> Pair:
        """Rows and columns by which adjacent patches overlap."""
        rows, columns = (
            max(size - stride, 0)
            for size, stride in zip(self.kernel.shape[:2], self.strides, strict=True)
        )
        return rows, columns

    def _pixels(self, same: bool) -> Pair:
        rows, columns = (
            n * stride + (0 if same else overlap)
            for n, stride, overlap in zip(
                self.source[:2], self.strides, self._overlap, strict=True
            )
        )
        return rows, columns

    @property
    def target(self) -> Shape:
        """Shape of an image."""
        return *self._pixels(self.same), self.kernel.shape[2]

    def apply(self, x: np.ndarray) -> np.ndarray:
        """Returns the result for each example of ``x``, (examples,) + target."""
        out = np.zeros(
            (len(x), *self._pixels(same=False), self.kernel.shape[2]), np.float32
        )
        (rows, columns), (down, across) = self.source[:2], self.strides
        for k in range(self.kernel.shape[0]):
            for j in range(self.kernel.shape[1]):
                out[
                    :,
                    k : k + down * (rows - 1) + 1 : down,
                    j : j + across * (columns - 1) + 1 : across,
                ] += x @ self.kernel[k, j].T
        if not self.same:
            return out
        top, left = (overlap // 2 for overlap in self._overlap)
        rows, columns = self.target[:2]
        return out[:, top : top + rows, left : left + columns]


@dataclass(frozen=True, eq=False)
class Scale(LinearMap):
    """Elementwise product with a factor.

    Args:
        factor: one number, one per channel, or one per element.
    """

    factor: np.ndarray

    @property
    def target(self) -> Shape:
        """Shape of the source."""
        return self.source

    @property
    def channels(self) -> np.ndarray | None:
        """Factor of each channel; None if elements have factors of their own."""
        if self.factor.ndim > 1:
            return None
        return np.broadcast_to(self.factor, self.source[-1:])

    def apply(self, x: np.ndarray) -> np.ndarray:
        """Returns the result for each example of ``x``, (examples,) + target."""
        out: np.ndarray = x * self.factor
        return out


@dataclass(frozen=True, eq=False)
class Reshape(LinearMap):
    """Change of shape in row-major order."""

    shape: Shape

    @property
    def target(self) -> Shape:
        """The new shape."""
        return self.shape

    def apply(self, x: np.ndarray) -> np.ndarray:
        """Returns the result for each example of ``x``, (examples,) + target."""
        return x.reshape(len(x), *self.shape)


@dataclass(frozen=True, eq=False)
class Pad(LinearMap):
    """Zero padding of an image."""

    padding: Padding

    @property
    def target(self) -> Shape:
        """Shape of the padded image."""
        (top, bottom), (left, right) = self.padding
        rows, columns, channels = self.source
        return rows + top + bottom, columns + left + right, channels

    def apply(self, x: np.ndarray) -> np.ndarray:
        """Returns the result for each example of ``x``, (examples,) + target."""
        return np.pad(x, ((0, 0), *self.padding, (0, 0)))


@dataclass(frozen=True, eq=False)
class Scatter(LinearMap):
    """Scatter of the source's elements into an array of zeros.

    Args:
        shape: shape of the array.
        index: row-major positions of the elements.
    """

    shape: Shape
    index: np.ndarray

    @property
    def target(self) -> Shape:
        """Shape of the array."""
        return self.shape

    @property
    def channels(self) -> slice | None:
        """Channels that the source fills; None if it fills other positions."""
        size = self.source[-1]
        start = int(self.index[0]) % self.shape[-1]
        if self.shape[:-1] != self.source[:-1] or start + size > self.shape[-1]:
            return None
        positions = np.arange(prod(self.shape)).reshape(self.shape)
        channels = slice(start, start + size)
        fills = np.array_equal(positions[..., channels].ravel(), self.index)
        return channels if fills else None

    def apply(self, x: np.ndarray) -> np.ndarray:
        """Returns the result for each example of ``x``, (examples,) + target."""
        out = np.zeros((len(x), prod(self.shape)), np.float32)
        out[:, self.index] = x.reshape(len(x), -1)
        return out.reshape(len(x), *self.shape)


@dataclass(frozen=True, eq=False)
class Select(LinearMap):
    """Selection of elements, each any number of times.

    Args:
        index: row-major positions of the elements, in the shape of the result.
    """

    index: np.ndarray

    @property
    def target(self) -> Shape:
        """Shape of the selection."""
        return self.index.shape

    def apply(self, x: np.ndarray) -> np.ndarray:
        """Returns the result for each example of ``x``, (examples,) + target."""
        return x.reshape(len(x), -1)[:, self.index]


def same_padding(source: Shape, size: Pair, strides: Pair) -> Padding:
    """Returns the padding with which ceil(pixels / stride) patches fit on each axis."""
    padding = []
    for n, k, stride in zip(source[:2], size, strides, strict=True):
        zeros = max(k - (n % stride or stride), 0)
        padding.append((zeros // 2, zeros - zeros // 2))
    return padding[0], padding[1]
