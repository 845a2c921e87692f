"""Base of connectivity between images whose patches share weights."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from ml_genn.connectivity.connectivity import Connectivity, short
from ml_genn.errors import ValidationError
from ml_genn.graph.node import Node
from ml_genn.initializers.value import InitValue
from ml_genn.model.plan.kernel import Axis, Kernel, pooled
from ml_genn.utils.checks import flag, one_of, shown, whole

PADDINGS = ("valid", "same")
Size = int | Sequence[int]  #: rows and columns, or one number for both
Pair = tuple[int, int]
#: a name, or rows and columns of zeros: ((top, bottom), (left, right))
Padding = str | tuple[Pair, Pair]
Image = tuple[int, int, int]  #: rows, columns, channels


class SharedWeights(Connectivity):
    """Base of connectivity between images whose patches share weights.

    A population that is an image has the shape (rows, columns, channels).

    Args:
        weight: a number, initializer or its name, or an array.
        delay: delay [time steps]: an integer, one for each weight as an array, or an
            initializer or its name.
        flatten: True if a target without a shape gets a shape of one dimension.
    """

    def __init__(self, weight: InitValue, delay: InitValue, flatten: bool) -> None:
        super().__init__(weight, delay)
        self.flatten = flag(f"{type(self).__name__}: flatten", flatten)

    def _repr_end(self) -> str:
        """Returns the end of a representation: the arguments of this base."""
        flat = ", flatten=True" if self.flatten else ""
        return f"delay={short(self.delay)}{flat}"

    @abstractmethod
    def _kernel(self, image: Image, target: Node) -> Kernel:
        """Returns the kernel for a source of that shape."""

    def kernel(self, source: Node, target: Node) -> Kernel:
        """Returns the weights that patches of an image share.

        Raises:
            ValidationError: if the source is no image, or too small, or an array of
                weights has another shape.
        """
        name, shape = type(self).__name__, source.shape
        if shape is None or len(shape) != 3:
            received = f"shape {shape}" if shape else "no shape"
            raise ValidationError(
                f"{name}: the source is an image, with a shape of (rows, columns, "
                f"channels). Population '{source.name}' has {received}. Give it "
                "one, for example (28, 28, 1) to grey images of 28 by 28 pixels."
            )
        kernel = self._kernel(shape, target)
        axes = kernel.rows, kernel.columns
        if min(min(axis.target, axis.pooled) for axis in axes) < 1:
            raise ValidationError(
                f"{name}: population '{source.name}' has shape {shape}, which is "
                f"smaller than what is laid over it. Received {self!r}."
            )
        for what, value in (("weight", self.weight), ("delay", self.delay)):
            if isinstance(value, np.ndarray) and value.shape != kernel.shape:
                raise ValidationError(
                    f"{name}: an array given as {what} has shape {kernel.shape} here, "
                    f"{self._axes_text}. Received shape {value.shape}."
                )
        return kernel

    #: axes of an array of weights, for error messages
    _axes_text = "(rows, columns, source channels, filters)"

    def connect(self, source: Node, target: Node) -> None:
        """Checks the shapes of two populations, and sets that of the target."""
        image = self.kernel(source, target).target_shape
        flat = (prod(image),)
        if target.shape is None:
            target.shape = flat if self.flatten else image
        elif target.shape not in (image, flat):
            raise ValidationError(
                f"{type(self).__name__}: from population '{source.name}' of shape "
                f"{source.shape} it leads to one of shape {image}, or flat {flat}. "
                f"Population '{target.name}' has shape {target.shape}."
            )

    def expected(self, source: Node, target: Node) -> int:
        """Returns the number of synapses."""
        return self.kernel(source, target).synapses

    def num_weights(self, source: Node, target: Node) -> int:
        """Returns the number of weights."""
        return self.kernel(source, target).size


def needed(where: str, value: Any) -> Any:
    """Returns an argument that follows one with a default, and has none itself.

    Args:
        where: start of the error message.
        value: the argument; None if it was left out.

    Raises:
        ValidationError: if it was left out.
    """
    if value is None:
        name, _, argument = where.partition(": ")
        raise ValidationError(
            f"{where} is needed. The first argument is the weight, which can be left "
            f"out if the others are named: {name}({argument}=...)."
        )
    return value


def pair(where: str, size: Size) -> Pair:
    """Returns rows and columns.

    Args:
        where: start of error messages.
        size: both, or one number for both.
    """
    both = size if isinstance(size, list | tuple) else (size, size)
    if len(both) != 2:
        raise ValidationError(
            f"{where} is a whole number, or two of them for rows and columns. "
            f"Received {shown(size)}."
        )
    rows, columns = (whole(where, n) for n in both)
    return rows, columns


def padding_name(where: str, name: Any) -> str:
    """Returns the name of a padding, or raises UnknownNameError."""
    return one_of(where, name, "padding", PADDINGS)


def padding(where: str, value: Any) -> Padding:
    """Returns the name of a padding, or rows and columns of zeros.

    Args:
        where: start of error messages.
        value: argument of the user.

    Raises:
        ValidationError: if it is neither.
    """
    if isinstance(value, str):
        return padding_name(where, value)
    sides = list(value) if isinstance(value, list | tuple) else []
    if len(sides) != 2 or not all(
        isinstance(side, list | tuple) and len(side) == 2 for side in sides
    ):
        raise ValidationError(
            f"{where} is 'valid', 'same' or ((top, bottom), (left, right)). "
            f"Received {shown(value)}."
        )
    (top, bottom), (left, right) = ((whole(where, n, 0) for n in s) for s in sides)
    return (top, bottom), (left, right)


def convolution_axis(pixels: int, size: int, stride: int, padding: str | Pair) -> Axis:
    """Returns one axis of a convolution.

    Args:
        pixels: pixels of the source.
        size: weights of the kernel.
        stride: pixels from one patch to the next.
        padding: "valid", "same", or pixels of zeros (before, after).
    """
    if padding == "same":
        last = pixels % stride or stride
        before = max(size - last, 0) // 2
        return Axis(pixels, -(-pixels // stride), size, stride, before)
    before, after = (0, 0) if isinstance(padding, str) else padding
    target = pooled(before + pixels + after, size, stride)
    return Axis(pixels, target, size, stride, before)


def transposed_axis(pixels: int, size: int, stride: int, padding: str | Pair) -> Axis:
    """Returns one axis of a transposed convolution.

    Args:
        pixels, size, stride: as for `convolution_axis`, with the stride in the target.
        padding: "valid" or "same".

    Raises:
        ValidationError: if the padding is pixels of zeros.
    """
    if not isinstance(padding, str):
        raise ValidationError(
            "Conv2DTranspose: conv_padding is 'valid' or 'same'. Received rows or "
            f"columns of zeros, {padding}."
        )
    beyond = max(size - stride, 0)
    target, before = pixels * stride, beyond // 2
    if padding == "valid":
        target, before = target + beyond, 0
    return Axis(pixels, target, size, stride, before, transposed=True)
