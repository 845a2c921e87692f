"""Normal distribution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml_genn.initializers.initializer import Initializer
from ml_genn.utils.checks import check_fields, not_negative, number
from ml_genn.utils.synonyms import accepts_synonyms


@accepts_synonyms
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
        check_fields(self, mean=number, sd=not_negative)

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Returns values drawn from ``rng``."""
        return rng.normal(self.mean, self.sd, shape)
