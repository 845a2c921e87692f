"""Leaky integrate-and-fire neuron with an adaptive threshold."""

from __future__ import annotations

from typing import Any

from ml_genn.dynamics.arguments import choice, initial_value, output_readout, parameter
from ml_genn.dynamics.model import model_class
from ml_genn.initializers.value import InitValue
from ml_genn.model.equations import NeuronEquations, Variable
from ml_genn.neurons.membrane import leaky_spiking_equations
from ml_genn.neurons.neuron import Neuron


@model_class
class AdaptiveLeakyIntegrateFire(Neuron):
    r"""Leaky integrate-and-fire neuron with an adaptive threshold (ALIF).

    .. math::
        v[n+1] = \alpha v[n] + s I[n], \quad a[n+1] = \rho a[n], \quad
        \alpha = e^{-dt / \tau_{mem}}, \ \rho = e^{-dt / \tau_{adapt}}

    with :math:`s = 1 - \alpha` if ``scale_i``, else 1. Where
    :math:`v \ge v_{thresh} + \beta a` after a step the neuron spikes, unless it is
    refractory; v is reset and a grows by 1 (Bellec et al. 2018).
    """

    v_thresh: InitValue = parameter("firing threshold without adaptation", default=1.0)
    v_reset: InitValue = parameter("membrane potential after a spike", default=0.0)
    v: InitValue = initial_value("membrane potential at the start", default=0.0)
    a: InitValue = initial_value("adaptation at the start", default=0.0)
    beta: InitValue = parameter("growth of the threshold with a", default=0.0174)
    tau_mem: InitValue = parameter(
        "membrane time constant", "ms", default=20.0, positive=True
    )
    tau_refrac: InitValue | None = parameter(
        "refractory period", "ms", default=None, positive=True
    )
    tau_adapt: InitValue = parameter(
        "time constant of the adaptation", "ms", default=2000.0, positive=True
    )
    relative_reset: bool | None = choice(
        "a spike subtracts ``v_thresh - v_reset`` instead of setting v to ``v_reset``",
        default=None,
        otherwise=True,
    )
    integrate_during_refrac: bool | None = choice(
        "v is integrated in the refractory period", default=None, otherwise=True
    )
    readout: Any = output_readout(default=None)
    scale_i: bool | None = choice(
        "input is scaled by 1 - exp(-dt / tau_mem)", default=None, otherwise=False
    )

    def equations(self) -> NeuronEquations:
        """Returns the equations of the model."""
        a = Variable("a", "-a / tau_adapt", "a + 1")
        return leaky_spiking_equations(self, "v - (v_thresh + beta * a)", a)
