"""Leaky integrate-and-fire neuron whose input comes with the data."""

from __future__ import annotations

from dataclasses import field

from ml_genn.dynamics.arguments import integer
from ml_genn.dynamics.model import model_class
from ml_genn.neurons.inputs.input_base import (
    FRAME_STEPS_DESCRIPTION,
    FRAMES_DESCRIPTION,
    InputBase,
)
from ml_genn.neurons.leaky_integrate_fire import LeakyIntegrateFire


@model_class
class LeakyIntegrateFireInput(InputBase, LeakyIntegrateFire):
    r"""Leaky integrate-and-fire neuron whose input x in each step comes with the data.

    .. math:: v[n+1] = \alpha v[n] + s x, \quad \alpha = e^{-dt / \tau_{mem}}

    with :math:`s = 1 - \alpha` if ``scale_i``, else 1. It spikes and is reset as
    `LeakyIntegrateFire` is.
    """

    readout: None = field(init=False, default=None, repr=False)
    input_frames: int = integer(FRAMES_DESCRIPTION, default=1)
    input_frame_timesteps: int = integer(FRAME_STEPS_DESCRIPTION, default=1)
