"""Base of inputs that turn numbers into spikes."""

from __future__ import annotations

import math
from abc import abstractmethod

from ml_genn.model.equations import NeuronEquations
from ml_genn.neurons.inputs.input_base import InputBase
from ml_genn.neurons.neuron import Neuron

SIGNED_SPIKES_DESCRIPTION = (
    "a number below zero gives negative spikes, which deliver weights with the "
    "opposite sign"
)


class SpikeGenerator(InputBase, Neuron):
    """Base of stateless inputs whose spikes follow from their numbers in each step.

    Numbers above zero give spikes. With ``signed_spikes``, numbers below zero give
    negative spikes, which deliver weights with the opposite sign.
    """

    signed_spikes: bool

    @abstractmethod
    def spike_condition(self, magnitude: str) -> str:
        """Returns the C condition under which a neuron spikes in a step.

        Args:
            magnitude: C expression of the magnitude of the neuron's number.
        """

    def data_range(self, dt: float) -> tuple[float, float]:
        """Returns the range of numbers: those below zero need ``signed_spikes``."""
        return -math.inf if self.signed_spikes else 0.0, math.inf

    def equations(self) -> NeuronEquations:
        """Returns no equations: spikes follow from the data."""
        return NeuronEquations(())
