"""Base of input neurons whose data are numbers: constant, or in frames."""

from __future__ import annotations

import math

from ml_genn.neurons.inputs.input import Input

# Descriptions of the arguments of subclasses, for their docstrings.
FRAMES_DESCRIPTION = "frames of an example; 1 for data that do not change"
FRAME_STEPS_DESCRIPTION = "time steps of a frame"


class InputBase(Input):
    """Base of neurons with one number per example, or one number per frame, as data.

    The shape of the data is (examples,) + shape of the population, or with several
    frames (examples, frames) + shape of the population. Frame k is the input from time
    step ``k * input_frame_timesteps`` on; the last frame lasts until the example ends.

    Attributes:
        input_frames: number of frames of an example.
        input_frame_timesteps: number of time steps of a frame.
    """

    input_frames: int
    input_frame_timesteps: int

    def data_range(self, dt: float) -> tuple[float, float]:
        """Returns the lowest and the highest number that the neuron tells apart.

        It sends a lower number like the lowest one, and a higher number like the
        highest one. The default is (-inf, inf): all numbers differ.

        Args:
            dt: time step [ms], on which the range of some subclasses depends.
        """
        return -math.inf, math.inf
