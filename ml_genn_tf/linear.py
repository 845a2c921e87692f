"""Linear maps that the layers of an ANN apply, in NumPy.

Arrays are in single precision and have a leading axis of examples; images have the
shape (rows, columns, channels).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import numpy as np

Shape = tuple[int, ...]
Pair = tuple[int, int]
Padding = tuple[Pair, Pair]  #: zeros before and after rows and columns
NO_PADDING: Padding = ((0, 0), (0, 0))


@dataclass(frozen=True, eq=False)
class Linear(ABC):
    """A linear map.

    Attributes:
        source: shape of what it is applied to.
    """

    source: Shape

    @property
    @abstractmethod
    def target(self) -> Shape:
        """The shape of what comes out."""

    @abstractmethod
    def apply(self, x: np.ndarray) -> np.ndarray:
        """What comes out for each example of ``x``."""


@dataclass(frozen=True, eq=False)
class Dense(Linear):
    """Product with a matrix, of all numbers in row-major order.

    Args:
        weight: (numbers that go in, numbers that come out).
    """

    weight: np.ndarray

    @property
    def target(self) -> Shape:
        """One axis."""
        return (self.weight.shape[1],)

    def apply(self, x: np.ndarray) -> np.ndarray:
        """What comes out for each example of ``x``."""
        out: np.ndarray = x.reshape(len(x), -1) @ self.weight
        return out


@dataclass(frozen=True, eq=False)
class Patches(Linear):
    """Base of what is applied to patches of an image."""

    strides: Pair
    padding: Padding

    @property
    @abstractmethod
    def size(self) -> Pair:
        """Rows and columns of a patch."""

    @property
    def pixels(self) -> Pair:
        """Rows and columns that come out."""
        rows, columns = (
            (n + sum(pad) - size) // stride + 1
            for n, size, stride, pad in zip(
                self.source[:2], self.size, self.strides, self.padding, strict=True
            )
        )
        return rows, columns

    def patches(self, x: np.ndarray) -> Iterator[tuple[int, int, np.ndarray]]:
        """(k, l, pixel k, l of every patch)."""
        framed = np.pad(x, ((0, 0), *self.padding, (0, 0)))
        down, across = self.strides
        rows, columns = self.pixels
        for k in range(self.size[0]):
            for j in range(self.size[1]):
                yield (
                    k,
                    j,
                    framed[
                        :,
                        k : k + down * (rows - 1) + 1 : down,
                        j : j + across * (columns - 1) + 1 : across,
                    ],
                )


@dataclass(frozen=True, eq=False)
class Conv(Patches):
    """Convolution.

    Args:
        kernel: (rows, columns, channels, filters).
    """

    kernel: np.ndarray

    @property
    def size(self) -> Pair:
        """Rows and columns of the kernel."""
        return self.kernel.shape[0], self.kernel.shape[1]

    @property
    def target(self) -> Shape:
        """An image."""
        return *self.pixels, self.kernel.shape[3]

    def apply(self, x: np.ndarray) -> np.ndarray:
        """What comes out for each example of ``x``."""
        out = np.zeros((len(x), *self.target), np.float32)
        for k, j, pixels in self.patches(x):
            out += pixels @ self.kernel[k, j]
        return out


@dataclass(frozen=True, eq=False)
class Depthwise(Patches):
    """Convolution of each channel with filters of its own.

    Args:
        kernel: (rows, columns, channels, filters of each).
    """

    kernel: np.ndarray

    @property
    def size(self) -> Pair:
        """Rows and columns of the kernel."""
        return self.kernel.shape[0], self.kernel.shape[1]

    @property
    def target(self) -> Shape:
        """An image; filters of a channel are beside each other."""
        return *self.pixels, prod(self.kernel.shape[2:])

    def apply(self, x: np.ndarray) -> np.ndarray:
        """What comes out for each example of ``x``."""
        out = np.zeros((len(x), *self.pixels, *self.kernel.shape[2:]), np.float32)
        for k, j, pixels in self.patches(x):
            out += pixels[..., None] * self.kernel[k, j]
        return out.reshape(len(x), *self.target)


@dataclass(frozen=True, eq=False)
class Pool(Patches):
    """Means of patches.

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
        """An image."""
        return *self.pixels, self.source[2]

    def apply(self, x: np.ndarray) -> np.ndarray:
        """What comes out for each example of ``x``."""
        total = np.zeros((len(x), *self.target), np.float32)
        for _, _, pixels in self.patches(x):
            total += pixels
        return total / np.float32(prod(self.size))


@dataclass(frozen=True, eq=False)
class ConvTranspose(Linear):
    """Transposed convolution.

    Args:
        kernel: (rows, columns, filters, channels).
        strides: pixels from one patch to the next in what comes out.
        same: whether as many pixels come out as go in, times the strides.
    """

    kernel: np.ndarray
    strides: Pair
    same: bool

    @property
    def _beyond(self) -> Pair:
        """Rows and columns by which patches overlap."""
        rows, columns = (
            max(size - stride, 0)
            for size, stride in zip(self.kernel.shape[:2], self.strides, strict=True)
        )
        return rows, columns

    def _pixels(self, same: bool) -> Pair:
        rows, columns = (
            n * stride + (0 if same else beyond)
            for n, stride, beyond in zip(
                self.source[:2], self.strides, self._beyond, strict=True
            )
        )
        return rows, columns

    @property
    def target(self) -> Shape:
        """An image."""
        return *self._pixels(self.same), self.kernel.shape[2]

    def apply(self, x: np.ndarray) -> np.ndarray:
        """What comes out for each example of ``x``."""
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
        top, left = (beyond // 2 for beyond in self._beyond)
        rows, columns = self.target[:2]
        return out[:, top : top + rows, left : left + columns]


@dataclass(frozen=True, eq=False)
class Scale(Linear):
    """Product with a factor.

    Args:
        factor: a number, one for each channel, or one for each number.
    """

    factor: np.ndarray

    @property
    def target(self) -> Shape:
        """That of the source."""
        return self.source

    @property
    def channels(self) -> np.ndarray | None:
        """A factor for each channel; None if numbers have their own."""
        if self.factor.ndim > 1:
            return None
        return np.broadcast_to(self.factor, self.source[-1:])

    def apply(self, x: np.ndarray) -> np.ndarray:
        """What comes out for each example of ``x``."""
        out: np.ndarray = x * self.factor
        return out


@dataclass(frozen=True, eq=False)
class Reshape(Linear):
    """Another shape for the same numbers in row-major order."""

    shape: Shape

    @property
    def target(self) -> Shape:
        """The other shape."""
        return self.shape

    def apply(self, x: np.ndarray) -> np.ndarray:
        """What comes out for each example of ``x``."""
        return x.reshape(len(x), *self.shape)


@dataclass(frozen=True, eq=False)
class Pad(Linear):
    """Zeros around an image."""

    padding: Padding

    @property
    def target(self) -> Shape:
        """A larger image."""
        (top, bottom), (left, right) = self.padding
        rows, columns, channels = self.source
        return rows + top + bottom, columns + left + right, channels

    def apply(self, x: np.ndarray) -> np.ndarray:
        """What comes out for each example of ``x``."""
        return np.pad(x, ((0, 0), *self.padding, (0, 0)))


@dataclass(frozen=True, eq=False)
class Place(Linear):
    """Numbers put in their places among others, which are zero.

    Args:
        shape: of all.
        index: places in row-major order.
    """

    shape: Shape
    index: np.ndarray

    @property
    def target(self) -> Shape:
        """The shape of all."""
        return self.shape

    @property
    def channels(self) -> slice | None:
        """Channels that they are; None if they are something else."""
        size = self.source[-1]
        start = int(self.index[0]) % self.shape[-1]
        if self.shape[:-1] != self.source[:-1] or start + size > self.shape[-1]:
            return None
        places = np.arange(prod(self.shape)).reshape(self.shape)
        found = slice(start, start + size)
        return found if np.array_equal(places[..., found].ravel(), self.index) else None

    def apply(self, x: np.ndarray) -> np.ndarray:
        """What comes out for each example of ``x``."""
        out = np.zeros((len(x), prod(self.shape)), np.float32)
        out[:, self.index] = x.reshape(len(x), -1)
        return out.reshape(len(x), *self.shape)


def same_padding(source: Shape, size: Pair, strides: Pair) -> Padding:
    """Zeros by which as many patches fit as pixels divided by strides, rounded up."""
    sides = []
    for n, k, stride in zip(source[:2], size, strides, strict=True):
        whole = max(k - (n % stride or stride), 0)
        sides.append((whole // 2, whole - whole // 2))
    return sides[0], sides[1]
