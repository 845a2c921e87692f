"""Integrate-and-fire neuron that is given its input."""

from __future__ import annotations

from dataclasses import dataclass, field

from ml_genn.graph.default_params import network_default_params
from ml_genn.neurons.input_base import InputBase
from ml_genn.neurons.integrate_fire import IntegrateFire


@network_default_params
@dataclass(frozen=True, eq=False)
class IntegrateFireInput(InputBase, IntegrateFire):
    r"""Integrate-and-fire neuron whose input in each step comes with the data.

    .. math::
        v[n+1] = v[n] + x + b; \qquad v \ge v_{thresh}: v \to v_{reset}

    Args:
        v_thresh: firing threshold, 1 by default.
        v_reset: membrane potential after a spike, 0 by default.
        v: membrane potential at the start, 0 by default.
        input_frames: frames of an example, 1 by default: its data do not change.
        input_frame_timesteps: time steps that each frame is shown, 1 by default.
        bias, relative_reset: as for `IntegrateFire`.

    Raises:
        ValidationError: if a value is no number, array or initializer.
    """

    readout: None = field(init=False, default=None, repr=False)
    input_frames: int = 1
    input_frame_timesteps: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_frames()
