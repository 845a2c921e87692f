"""Reference of convolution and pooling of images, as maps and as lists of synapses.

Images have the shape (..., rows, columns, channels). `convolution`, `transposed` and
`pooling` use SciPy; `Synapses` lists pairs of neurons and the weight of each.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import convolve, correlate

Pair = tuple[int, int]
Array = NDArray[Any]


def same_padding(pixels: int, size: int, stride: int) -> tuple[int, int, int]:
    """Returns the pixels of the result, and zeros before and after the image."""
    count = -(-pixels // stride)
    total = max((count - 1) * stride + size - pixels, 0)
    return count, total // 2, total - total // 2


def padded(image: Array, size: Pair, strides: Pair) -> Array:
    """Returns an image with the zeros that padding "same" adds."""
    widths = [
        same_padding(*numbers)[1:]
        for numbers in zip(image.shape[-3:-1], size, strides, strict=True)
    ]
    return np.pad(image, [(0, 0)] * (image.ndim - 3) + [*widths, (0, 0)])


def convolution(image: Array, kernel: Array, strides: Pair, padding: str) -> Array:
    """Returns the convolution with a kernel (rows, columns, channels, filters)."""
    if padding == "same":
        image = padded(image, kernel.shape[:2], strides)
    planes = [
        sum(_each(image[..., c], kernel[..., c, f], "valid") for c in _last(image))
        for f in _last(kernel)
    ]
    return np.stack(planes, axis=-1)[..., :: strides[0], :: strides[1], :]


def depthwise(image: Array, kernel: Array, strides: Pair, padding: str) -> Array:
    """Returns the depthwise convolution.

    The kernel is (rows, columns, channels, filters per channel).
    """
    parts = [
        convolution(image[..., [c]], kernel[:, :, [c]], strides, padding)
        for c in _last(image)
    ]
    return np.concatenate(parts, axis=-1)


def transposed(image: Array, kernel: Array, strides: Pair, padding: str) -> Array:
    """Returns the transposed convolution; kernel (rows, columns, filters, channels)."""
    *batch, rows, columns, channels = image.shape
    upsampled = np.zeros((*batch, rows * strides[0], columns * strides[1], channels))
    upsampled[..., :: strides[0], :: strides[1], :] = image
    planes = [
        sum(
            _each(upsampled[..., c], kernel[..., f, c], "full") for c in range(channels)
        )
        for f in range(kernel.shape[2])
    ]
    full = np.stack(planes, axis=-1)
    crops = []
    for n, k, s in zip((rows, columns), kernel.shape[:2], strides, strict=True):
        before = max(k - s, 0) // 2 if padding == "same" else 0
        count = n * s if padding == "same" else n * s + max(k - s, 0)
        crops.append(slice(before, before + count))
    return full[..., crops[0], crops[1], :]


def pooling(image: Array, size: Pair, strides: Pair) -> Array:
    """Returns the means of patches."""
    mean = np.full((*size, image.shape[-1], 1), 1.0 / (size[0] * size[1]))
    return depthwise(image, mean, strides, "valid")


def _last(array: Array) -> range:
    return range(array.shape[-1])


def _each(planes: Array, kernel: Array, mode: str) -> Array:
    kernel = kernel.reshape((1,) * (planes.ndim - 2) + kernel.shape)
    function = convolve if mode == "full" else correlate
    result: Array = function(planes, kernel, mode, method="direct")
    return result


@dataclass(frozen=True, eq=False)
class Synapses:
    """Pairs of neurons and the weight of a kernel that each pair uses.

    Args:
        pre, post: neurons, sorted by the first, then the second.
        weight: index into the kernel, flat.
        sizes: neurons of source and target.
    """

    pre: Array
    post: Array
    weight: Array
    sizes: Pair

    @classmethod
    def of(
        cls,
        image: tuple[int, int, int],
        shape: tuple[int, int, int, int],
        strides: Pair,
        padding: str,
        kind: str = "convolution",
    ) -> Synapses:
        """Returns the synapses of a kernel of a shape.

        Args:
            image: rows, columns and channels of the source.
            shape: shape of the kernel.
            strides: strides in pixels.
            padding: "valid" or "same".
            kind: name of a function of this module.
        """
        synapses = []
        axes = [
            cls._axis(image[k], shape[k], strides[k], padding, kind) for k in (0, 1)
        ]
        (rows, down), (columns, across) = axes
        depth = shape[2] if kind == "transposed" else shape[3]
        if kind == "depthwise":
            depth *= shape[2]
        for (y, row, a), (x, column, b) in product(down, across):
            for c, f in product(range(shape[2]), range(shape[3])):
                before, after = (f, c) if kind == "transposed" else (c, f)
                if kind == "depthwise":
                    after = c * shape[3] + f
                pre = (y * image[1] + x) * image[2] + before
                post = (row * columns + column) * depth + after
                index = ((a * shape[1] + b) * shape[2] + c) * shape[3] + f
                synapses.append((pre, post, index))
        pre, post, index = np.asarray(sorted(synapses)).T
        return cls(pre, post, index, (int(np.prod(image)), rows * columns * depth))

    @staticmethod
    def _axis(
        pixels: int, size: int, stride: int, padding: str, kind: str
    ) -> tuple[int, list[tuple[int, int, int]]]:
        """Returns the pixels of the target, and all pairs (source, target, weight)."""
        if kind == "transposed":
            overlap = max(size - stride, 0)
            count = pixels * stride + (0 if padding == "same" else overlap)
            before = overlap // 2 if padding == "same" else 0
            pairs = [
                (u, u * stride + k - before, k)
                for u, k in product(range(pixels), range(size))
            ]
            return count, [m for m in pairs if 0 <= m[1] < count]
        if padding == "same":
            count, before, _ = same_padding(pixels, size, stride)
        else:
            count, before = (pixels - size) // stride + 1, 0
        pairs = [
            (o * stride + k - before, o, k)
            for o, k in product(range(count), range(size))
        ]
        return count, [m for m in pairs if 0 <= m[0] < pixels]

    def after_pooling(
        self, image: tuple[int, int, int], size: Pair, strides: Pair
    ) -> Synapses:
        """Returns the synapses from the pixels before pooling without overlap."""
        rows, columns = (
            (n - k) // s + 1 for n, k, s in zip(image, size, strides, strict=False)
        )
        synapses = []
        for y, x, c in np.ndindex(*image):
            row, column = y // strides[0], x // strides[1]
            inside = y % strides[0] < size[0] and x % strides[1] < size[1]
            if not inside or row >= rows or column >= columns:
                continue
            pooled = (row * columns + column) * image[2] + c
            pre = (y * image[1] + x) * image[2] + c
            for k in np.flatnonzero(self.pre == pooled):
                synapses.append((pre, self.post[k], self.weight[k]))
        pre, post, weight = np.asarray(sorted(synapses)).T
        return Synapses(pre, post, weight, (int(np.prod(image)), self.sizes[1]))

    def matrix(self, kernel: Array) -> Array:
        """Returns the weights of all pairs, zero without a synapse."""
        full = np.zeros(self.sizes)
        full[self.pre, self.post] = kernel.reshape(-1)[self.weight]
        return full

    def shared(self, gradient: Array, shape: tuple[int, ...]) -> Array:
        """Sums gradients by the weights of synapses to the gradient by the kernel."""
        sums = np.bincount(self.weight, gradient, minlength=int(np.prod(shape)))
        return sums.reshape(shape)
