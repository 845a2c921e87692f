"""Base of neurons."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from ml_genn.initializers.value import InitValue
from ml_genn.model.equations import NeuronEquations
from ml_genn.readouts import Readout, default_readouts
from ml_genn.utils.choices import HasChoices
from ml_genn.utils.module import get_object


class Neuron(HasChoices, ABC):
    """A neuron model: equations, and the values of what they mention.

    Attributes:
        readout: how an output is made from the neuron; None if it is not an output.
        POSITIVE: parameters that have to be above zero.
    """

    readout: Any
    POSITIVE: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    def equations(self) -> NeuronEquations:
        """The model's equations."""

    def positive(self) -> frozenset[str]:
        """Parameters that have to be above zero."""
        return self.POSITIVE

    @abstractmethod
    def parameters(self) -> dict[str, InitValue]:
        """Values of the equations' parameters."""

    @abstractmethod
    def initial(self) -> dict[str, InitValue]:
        """Values of the state variables at the start of an example."""

    def _set_readout(self) -> None:
        """Turns the name of a readout into a readout."""
        found = get_object(self.readout, Readout, "Readout", default_readouts)
        object.__setattr__(self, "readout", found)
