"""Input that spikes in every step in which its number is not zero."""

from __future__ import annotations

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


@model_class
class BinarySpikeInput(SpikeGenerator):
    """Input whose neurons spike in every step in which their number is above zero."""

    signed_spikes: bool = flag(SIGNED_SPIKES_DESCRIPTION, default=False)
    input_frames: int = integer(FRAMES_DESCRIPTION, default=1)
    input_frame_timesteps: int = integer(FRAME_STEPS_DESCRIPTION, default=1)

    def spike_condition(self, magnitude: str) -> str:
        """Returns the C condition under which a neuron spikes in a step."""
        return "true"
