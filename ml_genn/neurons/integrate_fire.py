"""Integrate-and-fire neuron."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ml_genn.model.equations import NeuronEquations, Variable
from ml_genn.neurons.checks import check_value
from ml_genn.neurons.neuron import Neuron
from ml_genn.utils.decorators import network_default_params
from ml_genn.utils.value import InitValue


@network_default_params
@dataclass(frozen=True, eq=False)
class IntegrateFire(Neuron):
    r"""Integrate-and-fire neuron without a leak.

    .. math::
        v[n+1] = v[n] + I[n]; \qquad v \ge v_{thresh}: v \to v_{reset}

    Args:
        v_thresh: firing threshold, 1 by default.
        v_reset: membrane potential after a spike, 0 by default.
        v: membrane potential at the start, 0 by default.
        readout: how an output is made from it; None (default) if it is not an output.

    Raises:
        ValidationError: if a value is no number, array or initializer.
    """

    v_thresh: InitValue = 1.0
    v_reset: InitValue = 0.0
    v: InitValue = 0.0
    readout: Any = None

    def __post_init__(self) -> None:
        for name in ("v_thresh", "v_reset", "v"):
            check_value(self, name)
        self._set_readout()

    def equations(self) -> NeuronEquations:
        """The model's equations."""
        return NeuronEquations(
            (Variable("v", "Isyn / dt", "v_reset"),),
            ("v_thresh", "v_reset"),
            output="v",
            threshold="v - v_thresh",
        )

    def parameters(self) -> dict[str, InitValue]:
        """Values of the equations' parameters."""
        return {"v_thresh": self.v_thresh, "v_reset": self.v_reset}

    def initial(self) -> dict[str, InitValue]:
        """Values of the state variables at the start of an example."""
        return {"v": self.v}
