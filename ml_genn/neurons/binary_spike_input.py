"""Input whose neurons spike in each step or not at all."""

from __future__ import annotations

from dataclasses import dataclass

from ml_genn.graph.default_params import network_default_params
from ml_genn.neurons.spike_generator import SpikeGenerator


@network_default_params
@dataclass(frozen=True, eq=False)
class BinarySpikeInput(SpikeGenerator):
    """Each neuron spikes in every step in which the number it is given is above zero.

    Args:
        signed_spikes: whether a number below zero gives negative spikes, which deliver
            weights with the opposite sign; no by default.
        input_frames: frames of an example, 1 by default: its data do not change.
        input_frame_timesteps: time steps that each frame is shown, 1 by default.
    """

    signed_spikes: bool = False
    input_frames: int = 1
    input_frame_timesteps: int = 1

    def __post_init__(self) -> None:
        self._check()

    def fires(self, size: str) -> str:
        """C for whether there is a spike."""
        return "true"
