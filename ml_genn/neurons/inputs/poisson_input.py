"""Input with Poisson spikes at rates that come with the data."""

from __future__ import annotations

import math

from ml_genn.dynamics.arguments import flag, integer
from ml_genn.dynamics.model import model_class
from ml_genn.neurons.inputs.input_base import (
    FRAME_STEPS_DESCRIPTION,
    FRAMES_DESCRIPTION,
)
from ml_genn.neurons.inputs.spike_generator import (
    SIGNED_SPIKES_DESCRIPTION,
    SpikeGenerator,
)

#: Expected spikes in a step above which 99 % of the steps have a spike.
SATURATION = math.log(100.0)


@model_class
class PoissonInput(SpikeGenerator):
    r"""Input with Poisson spikes at the rate x [1/ms] that is the neuron's number.

    .. math:: P(\text{spike in a step}) = 1 - e^{-|x| \, dt}

    for :math:`x > 0`. Random numbers depend on the seed, the example, the step and the
    neuron only.
    """

    signed_spikes: bool = flag(SIGNED_SPIKES_DESCRIPTION, default=False)
    input_frames: int = integer(FRAMES_DESCRIPTION, default=1)
    input_frame_timesteps: int = integer(FRAME_STEPS_DESCRIPTION, default=1)

    def data_range(self, dt: float) -> tuple[float, float]:
        """Returns the range of rates; above it neurons spike in nearly every step."""
        lowest, _ = super().data_range(dt)
        return max(lowest, -SATURATION / dt), SATURATION / dt

    def spike_condition(self, magnitude: str) -> str:
        """Returns the C condition under which a neuron spikes in a step."""
        return f"gennrand_uniform() >= expf(-({magnitude}) * dt)"
