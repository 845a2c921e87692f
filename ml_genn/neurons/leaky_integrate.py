"""Leaky integrator, the usual output neuron."""

from __future__ import annotations

from typing import Any

from ml_genn.dynamics.arguments import choice, initial_value, output_readout, parameter
from ml_genn.dynamics.model import model_class
from ml_genn.initializers.value import InitValue
from ml_genn.model.equations import NeuronEquations
from ml_genn.neurons.membrane import membrane
from ml_genn.neurons.neuron import Neuron


@model_class
class LeakyIntegrate(Neuron):
    r"""Leaky integrator that never spikes.

    .. math::
        \tau_{mem} \dot v = -v + I, \qquad
        v[n+1] = \alpha v[n] + s I[n] + b, \quad \alpha = e^{-dt / \tau_{mem}}

    with :math:`s = 1 - \alpha` if ``scale_i``, else 1.
    """

    v: InitValue = initial_value("membrane potential at the start", default=0.0)
    bias: InitValue = parameter("bias b that each step adds", default=0.0)
    tau_mem: InitValue = parameter(
        "membrane time constant", "ms", default=20.0, positive=True
    )
    scale_i: bool | None = choice(
        "input is scaled by 1 - exp(-dt / tau_mem)", default=None, otherwise=False
    )
    readout: Any = output_readout(default=None)

    def equations(self) -> NeuronEquations:
        """Returns the equations of the model."""
        v = membrane(self.choices()["scale_i"], jump=None, bias=True)
        return NeuronEquations((v,), tuple(self.parameters()), output="v")
