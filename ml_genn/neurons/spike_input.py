"""Input that plays spikes."""

from __future__ import annotations

from dataclasses import dataclass

from ml_genn.graph.default_params import network_default_params
from ml_genn.initializers.value import InitValue
from ml_genn.model.equations import NeuronEquations
from ml_genn.neurons.input import Input
from ml_genn.neurons.neuron import Neuron


@network_default_params
@dataclass(frozen=True, eq=False)
class SpikeInput(Input, Neuron):
    """Plays spikes that come with the data, at most one per neuron and time step.

    A spike at time s is emitted in the first step n with ``n * dt >= s`` and arrives at
    its targets in the step after that; further spikes of the same neuron in the same
    step are postponed to the following steps.

    Args:
        max_spikes: kept for scripts written for mlGeNN; memory follows the data, so
            nobody has to guess it.
    """

    max_spikes: int = 1000000

    def equations(self) -> NeuronEquations:
        """No equations: its spikes come with the data."""
        return NeuronEquations(())

    def parameters(self) -> dict[str, InitValue]:
        """No parameters."""
        return {}

    def initial(self) -> dict[str, InitValue]:
        """No state."""
        return {}
