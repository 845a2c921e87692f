"""Base of connectivity."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from ml_genn.initializers import Initializer
from ml_genn.utils.value import InitValue, as_value

if TYPE_CHECKING:
    from ml_genn.population import Population


class Connectivity(ABC):
    """Which neurons are connected, with which weights and delays.

    Args:
        weight: a number, array, initializer or its name.
        delay: delays in time steps: a whole number, array, initializer or its name.
    """

    weight: float | Initializer | object
    delay: float | Initializer | object

    def __init__(self, weight: InitValue, delay: InitValue) -> None:
        name = type(self).__name__
        self.weight = as_value(f"{name}: weight", weight)
        self.delay = as_value(f"{name}: delay", delay)

    @abstractmethod
    def connect(self, source: Population, target: Population) -> None:
        """Checks the shapes of two populations, and gives one where there is none."""
