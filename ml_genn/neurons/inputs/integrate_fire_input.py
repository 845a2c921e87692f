"""Integrate-and-fire neuron whose input comes with the data."""

from __future__ import annotations

import math
from dataclasses import field

from ml_genn.dynamics.arguments import integer
from ml_genn.dynamics.model import model_class
from ml_genn.neurons.inputs.input_base import (
    FRAME_STEPS_DESCRIPTION,
    FRAMES_DESCRIPTION,
    InputBase,
)
from ml_genn.neurons.integrate_fire import IntegrateFire


@model_class
class IntegrateFireInput(InputBase, IntegrateFire):
    r"""Integrate-and-fire neuron whose input x in each step comes with the data.

    .. math::
        v[n+1] = v[n] + x + b; \qquad v \ge v_{thresh}: v \to v_{reset}
    """

    readout: None = field(init=False, default=None, repr=False)
    input_frames: int = integer(FRAMES_DESCRIPTION, default=1)
    input_frame_timesteps: int = integer(FRAME_STEPS_DESCRIPTION, default=1)

    def data_range(self, dt: float) -> tuple[float, float]:
        """Returns the range of numbers that give different rates of spikes.

        It is known for a constant input, and for thresholds that are numbers.
        """
        numbers = (self.v_thresh, self.v_reset, self.v, self.bias)
        are_numbers = all(isinstance(n, int | float) for n in numbers)
        if self.input_frames > 1 or not are_numbers:
            return super().data_range(dt)
        thresh, reset, start, bias = (float(n) for n in numbers)
        never = 0.0 - bias if start < thresh else -math.inf
        return never, thresh - reset - bias
