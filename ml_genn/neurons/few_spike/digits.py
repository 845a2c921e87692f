"""Base of few-spike neurons, whose spikes are the binary digits of a number."""

from __future__ import annotations

from dataclasses import dataclass

from ml_genn.errors import UnsupportedError
from ml_genn.model.equations import NeuronEquations
from ml_genn.neurons.neuron import Neuron

MAX_DIGITS = 24  #: binary digits of a number in single precision
NUM_DIGITS = "number of digits, the same in the whole network"
RANGE_END = "end of the range of values"
ONLY_FEW_SPIKE_COMPILER = (
    "its spikes are the digits of a number. Compile the network with FewSpikeCompiler, "
    "which runs it but does not train it."
)


@dataclass(frozen=True, slots=True)
class Digits:
    """Values of the spikes of a few-spike neuron.

    Args:
        unit: value of the last digit.
        signed: True if every second digit is negative; False by default.
    """

    unit: float
    signed: bool = False


class FewSpike(Neuron):
    """Base of neurons whose spikes are the binary digits of a number, highest first.

    They have no equations: the value of a spike depends on the time window of its
    population, which `FewSpikeCompiler` sets.
    """

    def equations(self) -> NeuronEquations:
        """A few-spike neuron has no equations.

        Raises:
            UnsupportedError: always.
        """
        raise UnsupportedError(f"{type(self).__name__}: {ONLY_FEW_SPIKE_COMPILER}")
