"""Base of synapses."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from ml_genn.dynamics.model import DynamicalModel
from ml_genn.model.equations import SynapseEquations


class Synapse(DynamicalModel):
    """Synapse model: equations of the input that spikes cause, and parameter values.

    Attributes:
        ADDITIVE: True if two such synapses onto a neuron behave as one that receives
            the spikes of both; they are then computed as one. False by default.
    """

    ADDITIVE: ClassVar[bool] = False

    @abstractmethod
    def equations(self) -> SynapseEquations:
        """Returns the equations of the model."""
