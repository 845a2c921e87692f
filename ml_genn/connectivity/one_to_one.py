"""Connectivity between neurons of the same index."""

from __future__ import annotations

from typing import Any

import numpy as np

from ml_genn.connectivity.connectivity import (
    DEFAULT_WEIGHT,
    Connectivity,
    Indices,
    short,
)
from ml_genn.errors import ValidationError
from ml_genn.graph.node import Node
from ml_genn.initializers.value import InitValue


class OneToOne(Connectivity):
    """Connectivity between neurons of the same index.

    Args:
        weight: a number, initializer or its name, or an array with one number for each
            neuron; `FluctuationDriven` by default.
        delay: delay [time steps], 0 by default: an integer, an initializer or its name,
            or an array with one for each neuron.

    Raises:
        ValidationError: if the populations have different shapes.
    """

    def __init__(
        self, weight: InitValue = DEFAULT_WEIGHT, delay: InitValue = 0
    ) -> None:
        super().__init__(weight, delay)
        self.weight, self.delay = _flat(self.weight), _flat(self.delay)

    def connect(self, source: Node, target: Node) -> None:
        """Checks the shapes of two populations, and sets one that follows."""
        if source.shape is None:
            source.shape = target.shape
        if target.shape is None:
            target.shape = source.shape
        if source.shape is None:
            raise ValidationError(
                f"OneToOne: neither population '{source.name}' nor '{target.name}' has "
                "a shape. Give one of them."
            )
        if source.shape != target.shape:
            raise ValidationError(
                "OneToOne: both populations have the same shape. Population "
                f"'{source.name}' has {source.shape}, '{target.name}' {target.shape}."
            )
        for name, value in (("weight", self.weight), ("delay", self.delay)):
            if isinstance(value, np.ndarray) and value.size != source.size:
                raise ValidationError(
                    f"OneToOne: an array given as {name} has one number for each of "
                    f"the {source.size} neurons of '{source.name}'. Received "
                    f"{value.size}."
                )

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("pre_ind", "post_ind"):
            raise ValidationError(
                f"OneToOne: {name} follows from the populations. For other pairs use "
                "Sparse(pre_ind, post_ind, weight)."
            )
        super().__setattr__(name, value)

    def indices(self, source: Node, target: Node, rng: np.random.Generator) -> Indices:
        """Returns each index, twice."""
        self.connect(source, target)
        neurons = np.arange(source.size)
        return neurons, neurons

    def expected(self, source: Node, target: Node) -> int:
        """Returns the number of neurons."""
        return source.size

    def weight_shape(self, source: Node, target: Node) -> tuple[int, ...]:
        """Returns the shape of one number for each neuron."""
        return (source.size,)

    def __repr__(self) -> str:
        return f"OneToOne({short(self.weight)}, delay={short(self.delay)})"


def _flat(value: Any) -> Any:
    """Returns an array in one dimension; other values as they are."""
    return value.reshape(-1) if isinstance(value, np.ndarray) else value
