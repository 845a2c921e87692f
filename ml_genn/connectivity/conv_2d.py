"""Convolutions of images."""

from __future__ import annotations

from ml_genn.connectivity.connectivity import short
from ml_genn.connectivity.shared import (
    Image,
    Padding,
    SharedWeights,
    Size,
    convolved,
    padding,
    pair,
    spread_out,
)
from ml_genn.graph.node import Node
from ml_genn.initializers.value import InitValue
from ml_genn.model.plan.kernel import Axis, Kernel
from ml_genn.utils.checks import whole


class Convolution(SharedWeights):
    """Base of convolutions; see `Conv2D` for the arguments."""

    def __init__(
        self,
        weight: InitValue,
        filters: int,
        conv_size: Size,
        flatten: bool = False,
        conv_strides: Size | None = None,
        conv_padding: Padding = "valid",
        delay: InitValue = 0,
    ) -> None:
        super().__init__(weight, delay, flatten)
        name = type(self).__name__
        self.filters = whole(f"{name}: filters", filters)
        self.conv_size = pair(f"{name}: conv_size", conv_size)
        strides = 1 if conv_strides is None else conv_strides
        self.conv_strides = pair(f"{name}: conv_strides", strides)
        self.conv_padding = padding(f"{name}: conv_padding", conv_padding)

    #: makes an axis of an image's pixels, the kernel's size, stride and padding
    _axis = staticmethod(convolved)

    def _axes(self, image: Image) -> tuple[Axis, Axis]:
        """Rows and columns."""
        rows, columns = zip(image[:2], self.conv_size, self.conv_strides, strict=True)
        how = self.conv_padding
        down, across = (how, how) if isinstance(how, str) else how
        return self._axis(*rows, down), self._axis(*columns, across)

    def _kernel(self, image: Image, target: Node) -> Kernel:
        shape = (*self.conv_size, image[2], self.filters)
        return Kernel(*self._axes(image), image[2], self.filters, shape)

    def _sizes(self) -> str:
        """What a representation says of filters."""
        return f"{self.filters}, {self.conv_size}"

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({short(self.weight)}, {self._sizes()}, "
            f"conv_strides={self.conv_strides}, conv_padding={self.conv_padding!r}, "
            f"{self._end()})"
        )


class Conv2D(Convolution):
    r"""Convolution of an image with a kernel that all its patches share.

    With strides s and p zeros before the image (none if padding is "valid"), the target
    in row i, column j and channel f receives

    .. math:: I_{ijf} = \sum_{k, l, c} w_{klcf} \,
        x_{\, s_1 i + k - p_1, \; s_2 j + l - p_2, \; c}

    Args:
        weight: a number, initializer or its name, or the kernel: an array of shape
            (rows, columns, source channels, filters).
        filters: channels of the target.
        conv_size: rows and columns of the kernel; one number if they are the same.
        flatten: whether a target without a shape is given one of one dimension; no by
            default.
        conv_strides: pixels of the source from one patch to the next, 1 by default.
        conv_padding: "valid" (default): patches lie inside the source; "same": as many
            pixels as the source has, divided by the strides and rounded up; or rows and
            columns of zeros around it, ((top, bottom), (left, right)).
        delay: delay in time steps, 0 by default: a whole number, one for each weight as
            an array of the kernel's shape, or an initializer or its name.

    Raises:
        ValidationError: if arguments do not fit each other or the populations.
    """


class Conv2DTranspose(Convolution):
    r"""Transposed convolution: each pixel of the source adds its patch to the target.

    With strides s, and p pixels cut off before the image ("same") or none, the pixel in
    row i, column j adds

    .. math:: I_{\, s_1 i + k - p_1, \; s_2 j + l - p_2, \; f} \mathrel{+}=
        \sum_c w_{klfc} \, x_{ijc}

    Args:
        weight: as for `Conv2D`; as an array of shape (rows, columns, filters, source
            channels).
        filters, conv_size, flatten, delay: as for `Conv2D`.
        conv_strides: pixels of the target from one patch to the next, 1 by default.
        conv_padding: "valid" (default): all patches are inside the target; "same": the
            target has as many pixels as the source, times the strides.

    Raises:
        ValidationError: if arguments do not fit each other or the populations.
    """

    _meaning = "(rows, columns, filters, source channels)"

    _axis = staticmethod(spread_out)

    def _kernel(self, image: Image, target: Node) -> Kernel:
        shape = (*self.conv_size, self.filters, image[2])
        return Kernel(*self._axes(image), image[2], self.filters, shape)


class DepthwiseConv2D(Convolution):
    """Convolution of each channel of an image with filters of its own.

    Args:
        weight: as for `Conv2D`; as an array of shape (rows, columns, source channels,
            depth_multiplier).
        conv_size: as for `Conv2D`.
        depth_multiplier: filters of each channel, 1 by default; those of a channel are
            beside each other in the target.
        flatten, conv_strides, conv_padding, delay: as for `Conv2D`.

    Raises:
        ValidationError: if arguments do not fit each other or the populations.
    """

    _meaning = "(rows, columns, source channels, depth_multiplier)"

    def __init__(
        self,
        weight: InitValue,
        conv_size: Size,
        depth_multiplier: int = 1,
        flatten: bool = False,
        conv_strides: Size | None = None,
        conv_padding: Padding = "valid",
        delay: InitValue = 0,
    ) -> None:
        self.depth_multiplier = whole(
            "DepthwiseConv2D: depth_multiplier", depth_multiplier
        )
        super().__init__(
            weight,
            self.depth_multiplier,
            conv_size,
            flatten,
            conv_strides,
            conv_padding,
            delay,
        )

    def _kernel(self, image: Image, target: Node) -> Kernel:
        shape = (*self.conv_size, image[2], self.filters)
        return Kernel(*self._axes(image), image[2], self.filters, shape, True)

    def _sizes(self) -> str:
        return f"{self.conv_size}, {self.depth_multiplier}"
