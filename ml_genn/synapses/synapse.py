"""Base of synapses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from ml_genn.initializers.value import InitValue
from ml_genn.model.equations import SynapseEquations
from ml_genn.utils.choices import HasChoices


class Synapse(HasChoices, ABC):
    """How spikes become input of their targets: equations and parameter values.

    Attributes:
        ADDITIVE: whether two such synapses onto a neuron behave as one that receives
            the spikes of both; they are then computed as one.
        POSITIVE: parameters that have to be above zero.
    """

    ADDITIVE: ClassVar[bool] = False
    POSITIVE: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    def equations(self) -> SynapseEquations:
        """The model's equations."""

    def positive(self) -> frozenset[str]:
        """Parameters that have to be above zero."""
        return self.POSITIVE

    @abstractmethod
    def parameters(self) -> dict[str, InitValue]:
        """Values of the equations' parameters."""

    def initial(self) -> dict[str, InitValue]:
        """Values of the state variables at the start of an example."""
        return {}
