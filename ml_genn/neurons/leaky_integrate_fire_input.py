"""Leaky integrate-and-fire neuron that is given its input."""

from __future__ import annotations

from dataclasses import dataclass, field

from ml_genn.graph.default_params import network_default_params
from ml_genn.neurons.input_base import InputBase
from ml_genn.neurons.leaky_integrate_fire import LeakyIntegrateFire


@network_default_params
@dataclass(frozen=True, eq=False)
class LeakyIntegrateFireInput(InputBase, LeakyIntegrateFire):
    r"""Leaky integrate-and-fire neuron whose input in each step comes with the data.

    .. math:: v[n+1] = \alpha v[n] + s x, \quad \alpha = e^{-dt / \tau_{mem}}

    with :math:`s = 1 - \alpha` if ``scale_i``, else 1. It spikes and is reset as
    `LeakyIntegrateFire` is.

    Args:
        v_thresh: firing threshold, 1 by default.
        v_reset: membrane potential after a spike, 0 by default.
        v: membrane potential at the start, 0 by default.
        tau_mem: membrane time constant [ms], 20 by default.
        tau_refrac: refractory period [ms]; None (default) for none.
        relative_reset: whether a spike subtracts ``v_thresh - v_reset`` instead of
            setting v to ``v_reset``; None (default) for yes.
        integrate_during_refrac: whether v is integrated in the refractory period; None
            (default) for yes.
        scale_i: whether input is scaled; None (default) for no.
        input_frames: frames of an example, 1 by default: its data do not change.
        input_frame_timesteps: time steps that each frame is shown, 1 by default.

    Raises:
        ValidationError: if a value is no number, array or initializer,
            or a time constant is not above 0.
    """

    readout: None = field(init=False, default=None, repr=False)
    input_frames: int = 1
    input_frame_timesteps: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_frames()
