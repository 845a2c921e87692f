"""Base of initializers."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from ml_genn.initializers.projection import Projection


class Initializer(ABC):
    """Base of initializers, which draw the initial values of an array."""

    @abstractmethod
    def sample(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Returns values drawn from ``rng``.

        Args:
            rng: random numbers, which follow from a seed and the name of the array.
            shape: shape of the array.
        """

    def of_projection(self, projection: Projection) -> Initializer:
        """Returns the initializer of the weights of a connection; by default itself.

        Args:
            projection: numbers of synapses of the connection, and the response of its
                target.
        """
        return self
