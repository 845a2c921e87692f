"""Surrogate derivatives from the literature."""

from __future__ import annotations

from dataclasses import dataclass

from ml_genn.surrogates.surrogate import Surrogate
from ml_genn.utils.checks import check_fields, positive
from ml_genn.utils.synonyms import accepts_synonyms


@dataclass(frozen=True)
class _Scaled(Surrogate):
    """Base of surrogate derivatives with one parameter, the steepness k."""

    scale: float = 1.0

    def __post_init__(self) -> None:
        check_fields(self, scale=positive)

    def parameters(self) -> dict[str, float]:
        """Returns the steepness."""
        return {"surrogate_scale": self.scale}


@accepts_synonyms
@dataclass(frozen=True)
class FastSigmoid(_Scaled):
    r"""Fast sigmoid of SuperSpike (Zenke & Ganguli 2018): :math:`1 / (1 + k |u|)^2`.

    Args:
        scale: steepness k, 10 by default.
    """

    scale: float = 10.0

    def derivative(self) -> str:
        """Returns the surrogate derivative as an expression over ``u``."""
        return "1 / (1 + surrogate_scale * abs(u))**2"


@accepts_synonyms
@dataclass(frozen=True)
class Triangle(_Scaled):
    r"""Triangle (Bellec et al. 2018): :math:`\max(0, 1 - k |u|)`.

    Args:
        scale: steepness k, 1 by default; zero for :math:`|u| \ge 1 / k`.
    """

    def derivative(self) -> str:
        """Returns the surrogate derivative as an expression over ``u``."""
        return "max(0, 1 - surrogate_scale * abs(u))"

    def support(self) -> str:
        """Returns the condition under which the derivative is not zero."""
        return "surrogate_scale * abs(u) < 1"


@accepts_synonyms
@dataclass(frozen=True)
class Boxcar(_Scaled):
    r"""Box: :math:`k / 2` where :math:`|u| < 1 / k`, else 0.

    Args:
        scale: steepness k, 1 by default.
    """

    def derivative(self) -> str:
        """Returns the surrogate derivative as an expression over ``u``."""
        return "where(surrogate_scale * abs(u) < 1, surrogate_scale / 2, 0)"

    def support(self) -> str:
        """Returns the condition under which the derivative is not zero."""
        return "surrogate_scale * abs(u) < 1"


@accepts_synonyms
@dataclass(frozen=True)
class Arctan(_Scaled):
    r"""Derivative of an arctangent (Fang et al. 2021).

    .. math:: \frac{k}{2 (1 + (\frac{\pi}{2} k u)^2)}

    Args:
        scale: steepness k, 2 by default.
    """

    scale: float = 2.0

    def derivative(self) -> str:
        """Returns the surrogate derivative as an expression over ``u``."""
        return "surrogate_scale / 2 / (1 + (pi / 2 * surrogate_scale * u)**2)"


@accepts_synonyms
@dataclass(frozen=True)
class Exponential(_Scaled):
    r"""Double exponential (Shrestha & Orchard 2018): :math:`e^{-k |u|}`.

    Args:
        scale: steepness k, 5 by default.
    """

    scale: float = 5.0

    def derivative(self) -> str:
        """Returns the surrogate derivative as an expression over ``u``."""
        return "exp(-surrogate_scale * abs(u))"
