"""Distribution of weights with which membrane potentials reach their thresholds."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from ml_genn.initializers.initializer import Initializer
from ml_genn.initializers.normal import Normal
from ml_genn.initializers.projection import Projection
from ml_genn.initializers.variance_scaling import WeightInitializer
from ml_genn.utils.checks import check_fields, positive
from ml_genn.utils.time_steps import MS_PER_SECOND


@dataclass(frozen=True)
class FluctuationDriven(WeightInitializer):
    r"""Normal distribution with which membrane potentials fluctuate to the threshold.

    It is the default of weights. If each source neuron spikes at random at a rate
    :math:`\nu`, the membrane potential of a target neuron has a standard deviation of
    :math:`\theta / \xi`:

    .. math::
        w \sim N(0, \sigma^2), \qquad
        \sigma = \frac{\theta}{\xi \sqrt{c \, n_{in} \, \nu \, \hat\epsilon}}

    :math:`\theta` is the distance from the initial membrane potential to the threshold
    (1 for neurons that do not spike), c the number of connections onto the population,
    :math:`n_{in}` the mean number of synapses onto a neuron, and :math:`\hat\epsilon`
    the integral of the squared response to one spike of weight 1, which is computed
    from the equations. Neurons without equations have the variance of `LeCunNormal`.
    Source: J. Rossbroich, J. Gygax and F. Zenke, Neuromorphic Computing and Engineering
    2 (2022) 044016, with a mean of 0.

    Args:
        rate: rate :math:`\nu` [Hz] of each source neuron, above 0, 10 by default. An
            error by a factor of 4 changes membrane potentials by a factor of 2.
        deviations: :math:`\xi`, the threshold in standard deviations of the membrane
            potential, above 0, 1 by default.

    Raises:
        ValidationError: if a number is not above 0.
    """

    rate: float = 10.0
    deviations: float = 1.0

    def __post_init__(self) -> None:
        check_fields(self, rate=positive, deviations=positive)

    def of_projection(self, projection: Projection) -> Initializer:
        """Returns the distribution of the weights of a connection."""
        response = projection.response()
        if response is None:
            return Normal(sd=projection.fan_in**-0.5)
        spikes_per_ms = projection.fan_in * self.rate / MS_PER_SECOND
        variance = projection.num_inputs * spikes_per_ms * response.energy
        return Normal(sd=response.threshold / (self.deviations * sqrt(variance)))
