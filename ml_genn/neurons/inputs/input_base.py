"""Base of input neurons whose data are numbers, constant or in frames."""

from __future__ import annotations

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
