"""Base of populations: the name and the shape that connectivity needs."""

from __future__ import annotations

import math

from ml_genn.errors import ValidationError


class Node:
    """A group of neurons with a name and a shape.

    Args:
        name: a name for messages.
        shape: number of neurons in each dimension; None (default) until a connection
            determines it.
    """

    def __init__(self, name: str, shape: tuple[int, ...] | None = None) -> None:
        self.name = name
        self.shape = shape

    @property
    def size(self) -> int:
        """Number of neurons.

        Raises:
            ValidationError: if the shape is None.
        """
        if self.shape is None:
            raise ValidationError(f"Population '{self.name}' has no shape yet.")
        return math.prod(self.shape)

    def __str__(self) -> str:
        return self.name
