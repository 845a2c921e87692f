"""Average pooling of images, alone or before a convolution or dense weights."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import ClassVar

import numpy as np

from ml_genn.connectivity.connectivity import (
    DEFAULT_WEIGHT,
    Pooling,
    short,
)
from ml_genn.connectivity.conv_2d import Convolution
from ml_genn.connectivity.shared import (
    Image,
    Padding,
    Pair,
    SharedWeights,
    Size,
    convolution_axis,
    needed,
    pair,
)
from ml_genn.errors import UnsupportedError, ValidationError
from ml_genn.graph.node import Node
from ml_genn.initializers.value import InitValue
from ml_genn.model.plan.kernel import Axis, Kernel, pooled


class AvgPool2D(SharedWeights):
    r"""Average pooling: means over patches of an image, channel by channel.

    With strides s and patches of a times b pixels,

    .. math:: I_{ijc} = \frac{1}{a b} \sum_{k, l} x_{\, s_1 i + k, \; s_2 j + l, \; c}

    No weight is learned.

    Args:
        pool_size: rows and columns of a patch; one number if they are the same.
        flatten: True if a target without a shape gets a shape of one dimension; False
            by default.
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

    @property
    def mean_pooling(self) -> Pooling:
        """Patches whose means it computes."""
        return Pooling(self.pool_size, self.pool_strides)

    def _kernel(self, image: Image, target: Node) -> Kernel:
        shape = (*self.pool_size, image[2], 1)
        rows, columns = zip(image[:2], self.pool_size, self.pool_strides, strict=True)
        axes = convolution_axis(*rows, "valid"), convolution_axis(*columns, "valid")
        return Kernel(*axes, image[2], 1, shape, channelwise=True)

    def num_weights(self, source: Node, target: Node) -> int:
        """Returns 0: its weights do not change."""
        return 0

    def __repr__(self) -> str:
        return (
            f"AvgPool2D({self.pool_size}, pool_strides={self.pool_strides}, "
            f"{self._repr_end()})"
        )


class WeightsAfterPooling(SharedWeights):
    """Base of connectivity that pools an image and applies weights, in one step."""

    pool_size: Pair
    pool_strides: Pair

    def _pool(self, pool_size: Size | None, pool_strides: Size | None) -> None:
        """Sets size and strides of the pooling, arguments as for `AvgPool2D`.

        Raises:
            UnsupportedError: if patches overlap.
        """
        name = type(self).__name__
        size = needed(f"{name}: pool_size", pool_size)
        self.pool_size = pair(f"{name}: pool_size", size)
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
        """One over the number of pixels of a patch."""
        return 1.0 / prod(self.pool_size)

    @property
    def pooling(self) -> Pooling:
        """Pooling of the source before the weights."""
        return Pooling(self.pool_size, self.pool_strides)

    def _pooled(self, image: Image) -> Image:
        """Returns the shape of an image after pooling."""
        rows, columns = zip(image[:2], self.pool_size, self.pool_strides, strict=True)
        return pooled(*rows), pooled(*columns), image[2]

    def _after_pooling(
        self, image: Image, axes: tuple[Axis, Axis]
    ) -> tuple[Axis, Axis]:
        """Returns axes from pixels before pooling.

        Args:
            image: shape of the source.
            axes: axes of the weights, from pixels after pooling.
        """
        rows, columns = (
            replace(axis, source=source, pool=pool, pool_stride=stride)
            for axis, source, pool, stride in zip(
                axes, image[:2], self.pool_size, self.pool_strides, strict=True
            )
        )
        return rows, columns


class AvgPoolConv2D(WeightsAfterPooling, Convolution):
    """Average pooling followed by a convolution, in one step.

    Compiled networks show and learn the kernel divided by the number of pixels of a
    pooled patch.

    Args:
        weight: kernel as for `Conv2D`, before the division.
        filters: channels of the target.
        pool_size, pool_strides: as for `AvgPool2D`, the size without default; patches
            do not overlap.
        conv_size, conv_strides, conv_padding: as for `Conv2D`, in pixels of the pooled
            image.
        flatten, delay: as for `Conv2D`.

    Raises:
        ValidationError: if arguments do not fit each other or the populations.
        UnsupportedError: if pooled patches overlap.
    """

    def __init__(
        self,
        weight: InitValue = DEFAULT_WEIGHT,
        filters: int | None = None,
        pool_size: Size | None = None,
        conv_size: Size | None = None,
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
        return self._after_pooling(image, super()._axes(self._pooled(image)))

    def __repr__(self) -> str:
        return (
            f"AvgPoolConv2D({short(self.weight)}, {self.filters}, {self.pool_size}, "
            f"{self.conv_size}, pool_strides={self.pool_strides}, "
            f"conv_strides={self.conv_strides}, conv_padding={self.conv_padding!r}, "
            f"{self._repr_end()})"
        )


class AvgPoolDense2D(WeightsAfterPooling):
    """Average pooling followed by all-to-all connectivity, in one step.

    Compiled networks show and learn the weights divided by the number of pixels of a
    pooled patch.

    Args:
        weight: a number, initializer or its name, or an array of shape (pooled neurons,
            target size), before the division; `FluctuationDriven` by default.
        pool_size, pool_strides: as for `AvgPool2D`, the size without default; patches
            do not overlap.
        delay: as for `Conv2D`.

    Raises:
        ValidationError: if arguments do not fit each other or the populations.
        UnsupportedError: if pooled patches overlap.
    """

    _axes_text = "(pooled neurons, target size)"

    def __init__(
        self,
        weight: InitValue = DEFAULT_WEIGHT,
        pool_size: Size | None = None,
        pool_strides: Size | None = None,
        delay: InitValue = 0,
    ) -> None:
        super().__init__(weight, delay, flatten=True)
        self._pool(pool_size, pool_strides)

    def _kernel(self, image: Image, target: Node) -> Kernel:
        rows, columns, channels = self._pooled(image)
        units = self._units(target)
        whole_image = Axis(rows, 1, rows), Axis(columns, 1, columns)
        axes = self._after_pooling(image, whole_image)
        return Kernel(*axes, channels, units, (rows * columns * channels, units))

    def _units(self, target: Node) -> int:
        """Returns the number of target neurons."""
        weight = self.weight
        if target.shape is not None:
            return target.size
        if isinstance(weight, np.ndarray) and weight.ndim == 2:
            return int(weight.shape[1])
        raise ValidationError(
            f"AvgPoolDense2D: population '{target.name}' has no shape, and weight is "
            "no array of shape (pooled neurons, target size) that would give it one. "
            f"Received {short(weight)}."
        )

    def connect(self, source: Node, target: Node) -> None:
        """Checks the shapes of two populations, and sets that of the target."""
        kernel = self.kernel(source, target)
        if target.shape is None:
            target.shape = (kernel.filters,)

    def image(self, source: Node, target: Node) -> None:
        """Returns None: the target is no image."""
        return None

    def __repr__(self) -> str:
        return (
            f"AvgPoolDense2D({short(self.weight)}, {self.pool_size}, "
            f"pool_strides={self.pool_strides}, delay={short(self.delay)})"
        )
