"""Integrate-and-fire neuron whose input comes with the data."""

from __future__ import annotations

from dataclasses import field

from ml_genn.dynamics.arguments import integer
from ml_genn.dynamics.model import model_class
from ml_genn.neurons.inputs.input_base import FRAME_STEPS, FRAMES, InputBase
from ml_genn.neurons.integrate_fire import IntegrateFire


@model_class
class IntegrateFireInput(InputBase, IntegrateFire):
    r"""Integrate-and-fire neuron whose input x in each step comes with the data.

    .. math::
        v[n+1] = v[n] + x + b; \qquad v \ge v_{thresh}: v \to v_{reset}
    """

    readout: None = field(init=False, default=None, repr=False)
    input_frames: int = integer(FRAMES, default=1)
    input_frame_timesteps: int = integer(FRAME_STEPS, default=1)
