"""Distributions of weights whose width follows from the number of synapses."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from math import sqrt
from typing import ClassVar

import numpy as np

from ml_genn.errors import ValidationError
from ml_genn.initializers.initializer import Initializer
from ml_genn.initializers.normal import Normal
from ml_genn.initializers.projection import Projection
from ml_genn.initializers.uniform import Uniform
from ml_genn.utils.checks import check_fields, positive


class WeightInitializer(Initializer):
    """Base of initializers of weights, which need to know the connection."""

    @abstractmethod
    def of_projection(self, projection: Projection) -> Initializer:
        """Returns the distribution of the weights of a connection."""

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Raises ValidationError: without a connection its width is not known."""
        raise ValidationError(
            f"{type(self).__name__}: it is an initializer of weights, since its width "
            "follows from the number of synapses. For other values use Normal or "
            "Uniform."
        )


def _normal(variance: float) -> Initializer:
    return Normal(sd=sqrt(variance))


def _uniform(variance: float) -> Initializer:
    """Returns the uniform distribution around 0 of that variance."""
    limit = sqrt(3.0 * variance)
    return Uniform(-limit, limit)


@dataclass(frozen=True)
class VarianceScaling(WeightInitializer):
    """Base of distributions with mean 0 and a variance of ``gain**2`` over a number.

    Args:
        gain: factor of the weights, 1 by default.

    Raises:
        ValidationError: if ``gain`` is not above 0.

    Attributes:
        UNIFORM: True for a uniform distribution, False (default) for a normal one.
    """

    gain: float = 1.0

    UNIFORM: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_fields(self, gain=positive)

    @abstractmethod
    def variance(self, projection: Projection) -> float:
        """Returns the variance of the weights of a connection."""

    def of_projection(self, projection: Projection) -> Initializer:
        """Returns the distribution of the weights of a connection."""
        variance = self.variance(projection)
        return _uniform(variance) if self.UNIFORM else _normal(variance)


@dataclass(frozen=True)
class GlorotNormal(VarianceScaling):
    r"""Normal distribution with the variance 2 / (fan-in + fan-out).

    .. math:: w \sim N(0, \; g^2 \cdot 2 / (n_{in} + n_{out}))

    :math:`n_{in}` and :math:`n_{out}` are the mean numbers of synapses onto a target
    neuron and from a source neuron; of convolutions they include what strides and
    borders leave out. Source: X. Glorot and Y. Bengio, AISTATS 2010.

    Args:
        gain: factor g, 1 by default.

    Raises:
        ValidationError: if ``gain`` is not above 0.
    """

    def variance(self, projection: Projection) -> float:
        """Returns the variance of the weights of a connection."""
        return self.gain**2 * 2.0 / (projection.fan_in + projection.fan_out)


@dataclass(frozen=True)
class GlorotUniform(VarianceScaling):
    """Uniform distribution with mean 0 and the variance of `GlorotNormal`.

    Args:
        gain: factor of the weights, 1 by default.

    Raises:
        ValidationError: if ``gain`` is not above 0.
    """

    UNIFORM = True
    variance = GlorotNormal.variance


@dataclass(frozen=True)
class HeNormal(VarianceScaling):
    r"""Normal distribution with the variance 2 / fan-in.

    .. math:: w \sim N(0, \; g^2 \cdot 2 / n_{in})

    with the numbers of `GlorotNormal`. Source: K. He et al., ICCV 2015.

    Args:
        gain: factor g, 1 by default.

    Raises:
        ValidationError: if ``gain`` is not above 0.
    """

    def variance(self, projection: Projection) -> float:
        """Returns the variance of the weights of a connection."""
        return self.gain**2 * 2.0 / projection.fan_in


@dataclass(frozen=True)
class HeUniform(VarianceScaling):
    """Uniform distribution with mean 0 and the variance of `HeNormal`.

    Args:
        gain: factor of the weights, 1 by default.

    Raises:
        ValidationError: if ``gain`` is not above 0.
    """

    UNIFORM = True
    variance = HeNormal.variance


@dataclass(frozen=True)
class LeCunNormal(VarianceScaling):
    r"""Normal distribution with the variance 1 / fan-in.

    .. math:: w \sim N(0, \; g^2 / n_{in})

    with the numbers of `GlorotNormal`. Source: Y. LeCun et al., Efficient BackProp,
    1998.

    Args:
        gain: factor g, 1 by default.

    Raises:
        ValidationError: if ``gain`` is not above 0.
    """

    def variance(self, projection: Projection) -> float:
        """Returns the variance of the weights of a connection."""
        return self.gain**2 / projection.fan_in
