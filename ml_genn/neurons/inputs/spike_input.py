"""Input whose spikes come with the data."""

from __future__ import annotations

from ml_genn.dynamics.arguments import unused
from ml_genn.dynamics.model import model_class
from ml_genn.model.equations import NeuronEquations
from ml_genn.neurons.inputs.input import Input
from ml_genn.neurons.neuron import Neuron


@model_class
class SpikeInput(Input, Neuron):
    """Input whose spikes come with the data, at most one per neuron and time step.

    A spike at time s is emitted in the first step n with ``n * dt >= s`` and arrives at
    its targets in the step after that; further spikes of the same neuron in the same
    step are postponed to the following steps.
    """

    max_spikes: int = unused(
        "has no effect, since memory follows the data; for scripts of mlGeNN",
        default=1000000,
    )

    def equations(self) -> NeuronEquations:
        """Returns no equations: spikes come with the data."""
        return NeuronEquations(())
