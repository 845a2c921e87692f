"""All-to-all connectivity."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ml_genn.connectivity.connectivity import (
    DEFAULT_WEIGHT,
    Connectivity,
    short,
)
from ml_genn.connectivity.sparse import Sparse
from ml_genn.errors import ValidationError
from ml_genn.graph.node import Node
from ml_genn.initializers.value import InitValue, as_value
from ml_genn.utils.checks import as_array, shown


class Dense(Connectivity):
    """All-to-all connectivity: a weight for each pair of neurons.

    Args:
        weight: a number, initializer or its name, or an array of shape (source size,
            target size), from which both populations may get their shapes;
            `FluctuationDriven` by default. An integer above 1 is warned of: it may be
            meant as a number of neurons.
        delay: delay [time steps], 0 by default: an integer, or one for each synapse as
            an array (source size, target size) or initializer.

    Raises:
        ValidationError: if arrays do not fit each other or the populations.
    """

    def __init__(
        self, weight: InitValue = DEFAULT_WEIGHT, delay: InitValue = 0
    ) -> None:
        super().__init__(weight, delay)
        if type(weight) is int and weight > 1:
            warnings.warn(
                f"Dense({weight}): {weight} is the weight of all synapses, not a "
                "number of neurons as in Keras, which is the last argument of "
                f"Layer(Dense(), neuron, {weight}). For this weight write "
                f"Dense({weight}.0).",
                stacklevel=2,
            )
        shapes = {
            name: value.shape
            for name, value in (("weight", self.weight), ("delay", self.delay))
            if isinstance(value, np.ndarray)
        }
        for name, shape in shapes.items():
            if len(shape) != 2:
                raise ValidationError(
                    f"Dense: an array given as {name} has the shape (source size, "
                    f"target size). Received shape {shape}."
                )
            if 0 in shape:
                raise ValidationError(
                    f"Dense: an array given as {name} has at least one source and one "
                    f"target. Received shape {shape}."
                )
        if len(set(shapes.values())) > 1:
            raise ValidationError(
                f"Dense: weight and delay have the same shape. Received {shapes}."
            )
        self._shape = next(iter(shapes.values()), None)

    @staticmethod
    def from_mask(
        mask: Any, weight: InitValue = DEFAULT_WEIGHT, delay: InitValue = 0
    ) -> Sparse:
        """Returns sparse connectivity of the pairs of neurons where a mask is true.

        Args:
            mask: flags of shape (source size, target size).
            weight, delay: a number, initializer or its name, or an array of the shape
                of the mask. Weights are `FluctuationDriven`, delays [steps] 0 by
                default.

        Raises:
            ValidationError: if the mask is no matrix of flags or arrays do not fit.
        """
        flags = as_array("Dense.from_mask: mask", mask)
        if flags.ndim != 2 or flags.dtype != bool or not flags.any():
            raise ValidationError(
                "Dense.from_mask: mask is a matrix of flags, (source size, target "
                f"size), one of them true. Received {shown(mask)}."
            )
        selected = []
        for name, argument in (("weight", weight), ("delay", delay)):
            value = as_value(f"Dense.from_mask: {name}", argument)
            if isinstance(value, np.ndarray) and value.shape != flags.shape:
                raise ValidationError(
                    f"Dense.from_mask: an array given as {name} has the shape of the "
                    f"mask, {flags.shape}. Received {value.shape}."
                )
            selected.append(value[flags] if isinstance(value, np.ndarray) else value)
        source, target = np.nonzero(flags)
        return Sparse(source, target, weight=selected[0], delay=selected[1])

    def connect(self, source: Node, target: Node) -> None:
        """Checks the shapes of two populations, and sets those that follow."""
        if self._shape is None:
            return
        for population, size in zip((source, target), self._shape, strict=True):
            if population.shape is None:
                population.shape = (size,)
            elif int(np.prod(population.shape)) != size:
                raise ValidationError(
                    f"Dense: population '{population.name}' has shape "
                    f"{population.shape} ({int(np.prod(population.shape))} neurons), "
                    f"but the array of weights or delays is for {size}."
                )

    def __repr__(self) -> str:
        return f"Dense({short(self.weight)}, delay={short(self.delay)})"
