"""Max pooling of images."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import ClassVar

import numpy as np

from ml_genn.connectivity.shared import (
    Image,
    SharedWeights,
    Size,
    convolution_axis,
    padding_name,
    pair,
)
from ml_genn.errors import UnsupportedError
from ml_genn.graph.node import Node
from ml_genn.initializers import Initializer
from ml_genn.initializers.value import InitValue
from ml_genn.model.plan.kernel import Kernel

MAX_PIXELS = 24  #: pixels of a patch: bits of a sum in single precision


@dataclass(frozen=True)
class _PowersOfTwo(Initializer):
    """Weights 1, 2, 4, ... of the pixels of a patch, the same in all channels."""

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Returns values of the shape (rows, columns, channels, 1)."""
        bits = 2.0 ** np.arange(prod(shape[:2]))
        return np.broadcast_to(bits.reshape(*shape[:2], 1, 1), shape)


class MaxPool2D(SharedWeights):
    """Max pooling: maxima over patches of an image, channel by channel.

    The neurons of the target are `SpikingMaxPool`, or `FewSpikeMaxPool` in networks for
    `FewSpikeCompiler`. They tell the pixels of a patch apart by the weights 1, 2, 4,
    ..., of which none is learned.

    Args:
        pool_size: rows and columns of a patch; one number if they are the same. A patch
            has at most 24 pixels.
        flatten: True if a target without a shape gets a shape of one dimension; False
            by default.
        pool_strides: pixels from one patch to the next; None (default) for pool_size.
        pool_padding: "valid" (default): patches lie within the image, or "same": as
            many patches as pixels divided by strides, rounded up.
        delay: delay of all synapses [time steps], 0 by default.

    Raises:
        ValidationError: if arguments do not fit each other or the populations.
        UnsupportedError: if a patch has too many pixels.
    """

    trainable: ClassVar[bool] = False

    def __init__(
        self,
        pool_size: Size,
        flatten: bool = False,
        pool_strides: Size | None = None,
        pool_padding: str = "valid",
        delay: InitValue = 0,
    ) -> None:
        self.pool_size = pair("MaxPool2D: pool_size", pool_size)
        strides = self.pool_size if pool_strides is None else pool_strides
        self.pool_strides = pair("MaxPool2D: pool_strides", strides)
        self.pool_padding = padding_name("MaxPool2D: pool_padding", pool_padding)
        if self.pixels > MAX_PIXELS:
            raise UnsupportedError(
                f"MaxPool2D: a patch has at most {MAX_PIXELS} pixels. Received "
                f"pool_size={self.pool_size}, which is {self.pixels}. Two MaxPool2D, "
                "one after the other, take the maximum over larger patches: sizes a "
                "and b with strides 1 and s that over a + b - 1 with stride s."
            )
        super().__init__(_PowersOfTwo(), delay, flatten)

    @property
    def pixels(self) -> int:
        """Number of pixels of a patch."""
        return prod(self.pool_size)

    def _kernel(self, image: Image, target: Node) -> Kernel:
        shape = (*self.pool_size, image[2], 1)
        rows, columns = zip(image[:2], self.pool_size, self.pool_strides, strict=True)
        axes = (
            convolution_axis(*rows, self.pool_padding),
            convolution_axis(*columns, self.pool_padding),
        )
        return Kernel(*axes, image[2], 1, shape, channelwise=True)

    def num_weights(self, source: Node, target: Node) -> int:
        """Returns 0: its weights do not change."""
        return 0

    def __repr__(self) -> str:
        return (
            f"MaxPool2D({self.pool_size}, pool_strides={self.pool_strides}, "
            f"pool_padding='{self.pool_padding}', {self._repr_end()})"
        )
