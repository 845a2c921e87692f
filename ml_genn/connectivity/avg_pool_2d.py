"""Average pooling of images, alone or together with what follows it."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import ClassVar

import numpy as np

from ml_genn.connectivity.connectivity import short
from ml_genn.connectivity.conv_2d import Convolution
from ml_genn.connectivity.shared import (
    Image,
    Padding,
    Pair,
    SharedWeights,
    Size,
    convolved,
    pair,
)
from ml_genn.errors import UnsupportedError, ValidationError
from ml_genn.graph.node import Node
from ml_genn.initializers.value import InitValue
from ml_genn.model.plan.kernel import Axis, Kernel, pooled


class AvgPool2D(SharedWeights):
    r"""Means over patches of an image, channel by channel; nothing in it is learned.

    With strides s and patches of a times b pixels,

    .. math:: I_{ijc} = \frac{1}{a b} \sum_{k, l} x_{\, s_1 i + k, \; s_2 j + l, \; c}

    Args:
        pool_size: rows and columns of a patch; one number if they are the same.
        flatten: whether a target without a shape is given one of one dimension; no by
            default.
        pool_strides: pixels from one patch to the next; None (default) for pool_size.
        delay: as for `Conv2D`.

    Raises:
        ValidationError: if arguments do not fit each other or the populations.
    """

    trainable: ClassVar[bool] = False

    def __init__(
        self,
        pool_size: Size,
        flatten: bool = False,
        pool_strides: Size | None = None,
        delay: InitValue = 0,
    ) -> None:
        self.pool_size = pair("AvgPool2D: pool_size", pool_size)
        strides = self.pool_size if pool_strides is None else pool_strides
        self.pool_strides = pair("AvgPool2D: pool_strides", strides)
        super().__init__(1.0 / prod(self.pool_size), delay, flatten)

    def _kernel(self, image: Image, target: Node) -> Kernel:
        shape = (*self.pool_size, image[2], 1)
        rows, columns = zip(image[:2], self.pool_size, self.pool_strides, strict=True)
        axes = convolved(*rows, "valid"), convolved(*columns, "valid")
        return Kernel(*axes, image[2], 1, shape, channelwise=True)

    def num_weights(self, source: Node, target: Node) -> int:
        """None that anything could change."""
        return 0

    def __repr__(self) -> str:
        return (
            f"AvgPool2D({self.pool_size}, pool_strides={self.pool_strides}, "
            f"{self._end()})"
        )


class Pooled(SharedWeights):
    """Base of connectivity that comes after pooling, in one step."""

    pool_size: Pair
    pool_strides: Pair

    def _pool(self, pool_size: Size, pool_strides: Size | None) -> None:
        """Sets what is pooled; arguments as for `AvgPool2D`.

        Raises:
            UnsupportedError: if the patches that are pooled overlap.
        """
        name = type(self).__name__
        self.pool_size = pair(f"{name}: pool_size", pool_size)
        strides = self.pool_size if pool_strides is None else pool_strides
        self.pool_strides = pair(f"{name}: pool_strides", strides)
        if any(np.less(self.pool_strides, self.pool_size)):
            raise UnsupportedError(
                f"{name}: patches that are pooled do not overlap. Received pool_size="
                f"{self.pool_size} and pool_strides={self.pool_strides}. Put AvgPool2D "
                "and a population before Conv2D or Dense."
            )

    @property
    def gain(self) -> float:
        """Weights are divided by the number of pixels that are pooled."""
        return 1.0 / prod(self.pool_size)

    def _pooled(self, image: Image) -> Image:
        """The shape after pooling."""
        rows, columns = zip(image[:2], self.pool_size, self.pool_strides, strict=True)
        return pooled(*rows), pooled(*columns), image[2]

    def _behind(self, image: Image, axes: tuple[Axis, Axis]) -> tuple[Axis, Axis]:
        """Axes of what comes after pooling, from the pixels before it."""
        rows, columns = (
            replace(axis, source=source, pool=pool, pool_stride=stride)
            for axis, source, pool, stride in zip(
                axes, image[:2], self.pool_size, self.pool_strides, strict=True
            )
        )
        return rows, columns


class AvgPoolConv2D(Pooled, Convolution):
    """Average pooling, then a convolution, in one step.

    The kernel is divided by the number of pixels that are pooled; the weights that a
    compiled network shows and learns are what it is then.

    Args:
        weight: as for `Conv2D`, before it is divided.
        filters: channels of the target.
        pool_size, pool_strides: as for `AvgPool2D`; patches do not overlap.
        conv_size, conv_strides, conv_padding: as for `Conv2D`, in pixels of the pooled
            image.
        flatten, delay: as for `Conv2D`.

    Raises:
        ValidationError: if arguments do not fit each other or the populations.
        UnsupportedError: if the patches that are pooled overlap.
    """

    def __init__(
        self,
        weight: InitValue,
        filters: int,
        pool_size: Size,
        conv_size: Size,
        flatten: bool = False,
        pool_strides: Size | None = None,
        conv_strides: Size | None = None,
        conv_padding: Padding = "valid",
        delay: InitValue = 0,
    ) -> None:
        super().__init__(
            weight, filters, conv_size, flatten, conv_strides, conv_padding, delay
        )
        self._pool(pool_size, pool_strides)

    def _axes(self, image: Image) -> tuple[Axis, Axis]:
        return self._behind(image, super()._axes(self._pooled(image)))

    def __repr__(self) -> str:
        return (
            f"AvgPoolConv2D({short(self.weight)}, {self.filters}, {self.pool_size}, "
            f"{self.conv_size}, pool_strides={self.pool_strides}, "
            f"conv_strides={self.conv_strides}, conv_padding={self.conv_padding!r}, "
            f"{self._end()})"
        )


class AvgPoolDense2D(Pooled):
    """Average pooling, then all-to-all connectivity, in one step.

    Weights are divided by the number of pixels that are pooled; those that a compiled
    network shows and learns are what they are then.

    Args:
        weight: a number, initializer or its name, or an array of shape (pooled neurons,
            target size), before it is divided.
        pool_size, pool_strides: as for `AvgPool2D`; patches do not overlap.
        delay: as for `Conv2D`.

    Raises:
        ValidationError: if arguments do not fit each other or the populations.
        UnsupportedError: if the patches that are pooled overlap.
    """

    _meaning = "(pooled neurons, target size)"

    def __init__(
        self,
        weight: InitValue,
        pool_size: Size,
        pool_strides: Size | None = None,
        delay: InitValue = 0,
    ) -> None:
        super().__init__(weight, delay, flatten=True)
        self._pool(pool_size, pool_strides)

    def _kernel(self, image: Image, target: Node) -> Kernel:
        rows, columns, channels = self._pooled(image)
        units = self._units(target)
        axes = self._behind(image, (Axis(rows, 1, rows), Axis(columns, 1, columns)))
        return Kernel(*axes, channels, units, (rows * columns * channels, units))

    def _units(self, target: Node) -> int:
        given = self.weight
        if target.shape is not None:
            return target.size
        if isinstance(given, np.ndarray) and given.ndim == 2:
            return int(given.shape[1])
        raise ValidationError(
            f"AvgPoolDense2D: population '{target.name}' has no shape, and weight is "
            "no array of shape (pooled neurons, target size) that would give it one. "
            f"Received {short(given)}."
        )

    def connect(self, source: Node, target: Node) -> None:
        """Checks the shapes of two populations, and gives one where there is none."""
        kernel = self.kernel(source, target)
        if target.shape is None:
            target.shape = (kernel.filters,)

    def __repr__(self) -> str:
        return (
            f"AvgPoolDense2D({short(self.weight)}, {self.pool_size}, "
            f"pool_strides={self.pool_strides}, delay={short(self.delay)})"
        )
