"""Normal distribution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml_genn.errors import ValidationError
from ml_genn.initializers.initializer import Initializer
from ml_genn.utils.checks import number


@dataclass(frozen=True)
class Normal(Initializer):
    """Normal distribution.

    Args:
        mean: mean, 0 by default.
        sd: standard deviation, 1 by default.

    Raises:
        ValidationError: if ``sd`` is negative.
    """

    mean: float = 0.0
    sd: float = 1.0

    def __post_init__(self) -> None:
        number("Normal: mean", self.mean)
        if number("Normal: sd", self.sd) < 0:
            raise ValidationError(f"Normal: sd is not negative. Received {self.sd!r}.")

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Returns values drawn from ``rng``."""
        return rng.normal(self.mean, self.sd, shape)
