"""Base of input neurons whose data are numbers, constant or in frames."""

from __future__ import annotations

import math

from ml_genn.neurons.inputs.input import Input

FRAMES = "frames of an example; 1 for data that do not change"
FRAME_STEPS = "time steps of a frame"


class InputBase(Input):
    """Base of neurons whose data are one number, or one number per frame.

    Data have the shape (examples,) + shape of the population, or with several frames
    (examples, frames) + shape. Frame k is the input from time step
    ``k * input_frame_timesteps`` on; the last one stays until the example ends.
    """

    input_frames: int
    input_frame_timesteps: int

    def data_range(self, dt: float) -> tuple[float, float]:
        """Returns the lowest and the highest number that the neuron carries.

        Numbers outside are sent as if they were at its ends. Without ends (default) the
        range is infinite.

        Args:
            dt: time step [ms].
        """
        return -math.inf, math.inf
