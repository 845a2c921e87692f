"""Base of losses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np


class Loss(ABC):
    """What is minimised: a function of an output's result and its target."""

    @abstractmethod
    def check_target(
        self, y: Any, where: str, *, steps: int, shape: tuple[int, ...]
    ) -> np.ndarray:
        """Targets as an array, one entry per example.

        Args:
            y: what the user gave.
            where: what errors name.
            steps: time steps of an example.
            shape: shape of the output population.

        Raises:
            ValidationError: if they do not fit.
        """

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"
