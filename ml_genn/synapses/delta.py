"""Synapse that acts in one time step."""

from __future__ import annotations

from typing import ClassVar

from ml_genn.dynamics.model import model_class
from ml_genn.model.equations import SynapseEquations
from ml_genn.synapses.synapse import Synapse


@model_class
class Delta(Synapse):
    r"""Synapse whose input in a step is the sum of the weights of arriving spikes.

    .. math:: I[n] = \sum w
    """

    ADDITIVE: ClassVar[bool] = True

    def equations(self) -> SynapseEquations:
        """Returns the equations of the model."""
        return SynapseEquations((), "weight")
