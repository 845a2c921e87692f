"""Leaky integrate-and-fire neuron."""

from __future__ import annotations

from typing import Any

from ml_genn.dynamics.arguments import choice, initial_value, output_readout, parameter
from ml_genn.dynamics.model import model_class
from ml_genn.initializers.value import InitValue
from ml_genn.model.equations import NeuronEquations
from ml_genn.neurons.membrane import leaky_spiking_equations
from ml_genn.neurons.neuron import Neuron


@model_class
class LeakyIntegrateFire(Neuron):
    r"""Leaky integrate-and-fire neuron.

    .. math::
        \tau_{mem} \dot v = -v + I, \qquad
        v[n+1] = \alpha v[n] + s I[n], \quad \alpha = e^{-dt / \tau_{mem}}

    with :math:`s = 1 - \alpha` if ``scale_i``, else 1. Where :math:`v \ge v_{thresh}`
    after a step the neuron spikes, unless it is refractory, and v is reset.
    """

    v_thresh: InitValue = parameter("firing threshold", default=1.0)
    v_reset: InitValue = parameter("membrane potential after a spike", default=0.0)
    v: InitValue = initial_value("membrane potential at the start", default=0.0)
    tau_mem: InitValue = parameter(
        "membrane time constant", "ms", default=20.0, positive=True
    )
    tau_refrac: InitValue | None = parameter(
        "refractory period", "ms", default=None, positive=True
    )
    relative_reset: bool | None = choice(
        "a spike subtracts ``v_thresh - v_reset`` instead of setting v to ``v_reset``",
        default=None,
        otherwise=True,
    )
    integrate_during_refrac: bool | None = choice(
        "v is integrated in the refractory period", default=None, otherwise=True
    )
    scale_i: bool | None = choice(
        "input is scaled by 1 - exp(-dt / tau_mem)", default=None, otherwise=False
    )
    readout: Any = output_readout(default=None)

    def equations(self) -> NeuronEquations:
        """Returns the equations of the model."""
        return leaky_spiking_equations(self, "v - v_thresh")
