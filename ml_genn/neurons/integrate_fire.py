"""Integrate-and-fire neuron."""

from __future__ import annotations

from typing import Any

from ml_genn.dynamics.arguments import flag, initial_value, output_readout, parameter
from ml_genn.dynamics.model import model_class
from ml_genn.initializers.value import InitValue
from ml_genn.model.equations import NeuronEquations, Variable
from ml_genn.neurons.membrane import reset
from ml_genn.neurons.neuron import Neuron


@model_class
class IntegrateFire(Neuron):
    r"""Integrate-and-fire neuron without a leak.

    .. math::
        v[n+1] = v[n] + I[n] + b; \qquad v \ge v_{thresh}: v \to v_{reset}

    or, with ``relative_reset``, :math:`v \to v - (v_{thresh} - v_{reset})`.
    """

    v_thresh: InitValue = parameter("firing threshold", default=1.0)
    v_reset: InitValue = parameter("membrane potential after a spike", default=0.0)
    v: InitValue = initial_value("membrane potential at the start", default=0.0)
    readout: Any = output_readout(default=None)
    bias: InitValue = parameter("bias b that each step adds", default=0.0, kw_only=True)
    relative_reset: bool = flag(
        "a spike subtracts ``v_thresh - v_reset`` instead of setting v to ``v_reset``",
        default=False,
        kw_only=True,
    )

    def equations(self) -> NeuronEquations:
        """Returns the equations of the model."""
        return NeuronEquations(
            (Variable("v", "(Isyn + bias) / dt", reset(self.relative_reset)),),
            tuple(self.parameters()),
            output="v",
            threshold="v - v_thresh",
        )
