"""Convolutions of images."""

from __future__ import annotations

from ml_genn.connectivity.connectivity import (
    DEFAULT_WEIGHT,
    short,
)
from ml_genn.connectivity.shared import (
    Image,
    Padding,
    SharedWeights,
    Size,
    convolution_axis,
    needed,
    pair,
    transposed_axis,
)
from ml_genn.connectivity.shared import (
    padding as checked_padding,
)
from ml_genn.graph.node import Node
from ml_genn.initializers.value import InitValue
from ml_genn.model.plan.kernel import Axis, Kernel
from ml_genn.utils.checks import whole


class Convolution(SharedWeights):
    """Base of convolutions, with the arguments of `Conv2D`."""

    def __init__(
        self,
        weight: InitValue = DEFAULT_WEIGHT,
        filters: int | None = None,
        conv_size: Size | None = None,
        flatten: bool = False,
        conv_strides: Size | None = None,
        conv_padding: Padding = "valid",
        delay: InitValue = 0,
    ) -> None:
        super().__init__(weight, delay, flatten)
        name = type(self).__name__
        self.filters = whole(f"{name}: filters", needed(f"{name}: filters", filters))
        size = needed(f"{name}: conv_size", conv_size)
        self.conv_size = pair(f"{name}: conv_size", size)
        strides = 1 if conv_strides is None else conv_strides
        self.conv_strides = pair(f"{name}: conv_strides", strides)
        self.conv_padding = checked_padding(f"{name}: conv_padding", conv_padding)

    #: function of pixels, size, stride and padding that returns an axis
    _axis = staticmethod(convolution_axis)

    def _axes(self, image: Image) -> tuple[Axis, Axis]:
        """Returns the axes of rows and columns."""
        rows, columns = zip(image[:2], self.conv_size, self.conv_strides, strict=True)
        padding = self.conv_padding
        vertical, horizontal = (
            (padding, padding) if isinstance(padding, str) else padding
        )
        return self._axis(*rows, vertical), self._axis(*columns, horizontal)

    def _kernel(self, image: Image, target: Node) -> Kernel:
        shape = (*self.conv_size, image[2], self.filters)
        return Kernel(*self._axes(image), image[2], self.filters, shape)

    def _sizes(self) -> str:
        """Returns the arguments on filters, for a representation."""
        return f"{self.filters}, {self.conv_size}"

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({short(self.weight)}, {self._sizes()}, "
            f"conv_strides={self.conv_strides}, conv_padding={self.conv_padding!r}, "
            f"{self._repr_end()})"
        )


class Conv2D(Convolution):
    r"""Convolution of an image with one kernel.

    With strides s and p zeros before the image (none if padding is "valid"), the target
    in row i, column j and channel f receives

    .. math:: I_{ijf} = \sum_{k, l, c} w_{klcf} \,
        x_{\, s_1 i + k - p_1, \; s_2 j + l - p_2, \; c}

    Args:
        weight: a number, initializer or its name, or the kernel: an array of shape
            (rows, columns, source channels, filters); `FluctuationDriven` by default.
        filters: channels of the target, without default.
        conv_size: rows and columns of the kernel, without default; one number if they
            are the same.
        flatten: True if a target without a shape gets a shape of one dimension; False
            by default.
        conv_strides: pixels of the source from one patch to the next, 1 by default.
        conv_padding: "valid" (default): patches lie inside the source; "same": as many
            pixels as the source has, divided by the strides and rounded up; or rows and
            columns of zeros around it, ((top, bottom), (left, right)).
        delay: delay [time steps], 0 by default: an integer, one for each weight as an
            array of the kernel's shape, or an initializer or its name.

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

    _axes_text = "(rows, columns, filters, source channels)"

    _axis = staticmethod(transposed_axis)

    def _kernel(self, image: Image, target: Node) -> Kernel:
        shape = (*self.conv_size, self.filters, image[2])
        return Kernel(*self._axes(image), image[2], self.filters, shape)


class DepthwiseConv2D(Convolution):
    """Depthwise convolution: each channel of an image has its own filters.

    Args:
        weight: as for `Conv2D`; as an array of shape (rows, columns, source channels,
            depth_multiplier).
        conv_size: as for `Conv2D`.
        depth_multiplier: filters of each channel, 1 by default; those of a channel are
            next to each other in the target.
        flatten, conv_strides, conv_padding, delay: as for `Conv2D`.

    Raises:
        ValidationError: if arguments do not fit each other or the populations.
    """

    _axes_text = "(rows, columns, source channels, depth_multiplier)"

    def __init__(
        self,
        weight: InitValue = DEFAULT_WEIGHT,
        conv_size: Size | None = None,
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
