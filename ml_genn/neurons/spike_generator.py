"""Base of inputs that turn numbers into spikes."""

from __future__ import annotations

from abc import abstractmethod

from ml_genn.initializers.value import InitValue
from ml_genn.model.equations import NeuronEquations
from ml_genn.neurons.input_base import InputBase
from ml_genn.neurons.neuron import Neuron
from ml_genn.utils.checks import flag


class SpikeGenerator(InputBase, Neuron):
    """An input whose spikes follow from its numbers in each step, without memory.

    Where the number is above zero there are spikes. With ``signed_spikes`` there are
    negative spikes where it is below: they deliver weights with the opposite sign.
    """

    signed_spikes: bool

    @abstractmethod
    def fires(self, size: str) -> str:
        """C for whether there is a spike.

        Args:
            size: C for the size of the number.
        """

    def _check(self) -> None:
        flag(f"{type(self).__name__}: signed_spikes", self.signed_spikes)
        self._check_frames()

    def equations(self) -> NeuronEquations:
        """No equations: its spikes follow from the data."""
        return NeuronEquations(())

    def parameters(self) -> dict[str, InitValue]:
        """No parameters."""
        return {}

    def initial(self) -> dict[str, InitValue]:
        """No state."""
        return {}
