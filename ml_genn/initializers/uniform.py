"""Uniform distribution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml_genn.errors import ValidationError
from ml_genn.initializers.initializer import Initializer
from ml_genn.utils.checks import check_fields, number
from ml_genn.utils.synonyms import accepts_synonyms


@accepts_synonyms
@dataclass(frozen=True)
class Uniform(Initializer):
    """Uniform distribution.

    Args:
        min: lower end, 0 by default.
        max: upper end, 1 by default.

    Raises:
        ValidationError: if ``min`` is above ``max``.
    """

    min: float = 0.0
    max: float = 1.0

    def __post_init__(self) -> None:
        check_fields(self, min=number, max=number)
        if self.min > self.max:
            raise ValidationError(
                f"Uniform: min is not above max. Received min={self.min!r}, "
                f"max={self.max!r}."
            )

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Returns values drawn from ``rng``."""
        return rng.uniform(self.min, self.max, shape)
