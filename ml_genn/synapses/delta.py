"""Synapse that acts in one time step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ml_genn.initializers.value import InitValue
from ml_genn.model.equations import SynapseEquations
from ml_genn.synapses.synapse import Synapse


@dataclass(frozen=True, eq=False)
class Delta(Synapse):
    r"""The weights of the spikes that arrive are the input of that step.

    .. math:: I[n] = \sum w
    """

    ADDITIVE: ClassVar[bool] = True

    def equations(self) -> SynapseEquations:
        """The model's equations."""
        return SynapseEquations((), "weight")

    def parameters(self) -> dict[str, InitValue]:
        """No parameters."""
        return {}
