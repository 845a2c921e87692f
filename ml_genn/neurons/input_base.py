"""Input neurons that are given numbers, which stay or change from frame to frame."""

from __future__ import annotations

from ml_genn.neurons.input import Input
from ml_genn.utils.checks import whole


class InputBase(Input):
    """Neurons that are given a number each, or one for each of several frames.

    Data have the shape (examples,) + shape of the population, or with several frames
    (examples, frames) + shape. Frame k is shown from time step
    ``k * input_frame_timesteps`` on; the last one stays until the example ends.
    """

    input_frames: int
    input_frame_timesteps: int

    def _check_frames(self) -> None:
        name = type(self).__name__
        whole(f"{name}: input_frames", self.input_frames)
        whole(f"{name}: input_frame_timesteps", self.input_frame_timesteps)
