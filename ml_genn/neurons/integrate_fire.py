"""Integrate-and-fire neuron."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ml_genn.graph.default_params import network_default_params
from ml_genn.initializers.value import InitValue
from ml_genn.model.equations import NeuronEquations, Variable
from ml_genn.neurons.checks import check_value
from ml_genn.neurons.leaky import reset
from ml_genn.neurons.neuron import Neuron
from ml_genn.utils.checks import flag


@network_default_params
@dataclass(frozen=True, eq=False)
class IntegrateFire(Neuron):
    r"""Integrate-and-fire neuron without a leak.

    .. math::
        v[n+1] = v[n] + I[n] + b; \qquad v \ge v_{thresh}: v \to v_{reset}

    or, with ``relative_reset``, :math:`v \to v - (v_{thresh} - v_{reset})`.

    Args:
        v_thresh: firing threshold, 1 by default.
        v_reset: membrane potential after a spike, 0 by default.
        v: membrane potential at the start, 0 by default.
        readout: how an output is made from it; None (default) if it is not an output.
        bias: bias added in each step, 0 by default.
        relative_reset: whether a spike lowers the membrane potential by the threshold
            instead of setting it; no by default.

    Raises:
        ValidationError: if a value is no number, array or initializer.
    """

    v_thresh: InitValue = 1.0
    v_reset: InitValue = 0.0
    v: InitValue = 0.0
    readout: Any = None
    bias: InitValue = field(default=0.0, kw_only=True)
    relative_reset: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        for name in ("v_thresh", "v_reset", "v", "bias"):
            check_value(self, name)
        flag(f"{type(self).__name__}: relative_reset", self.relative_reset)
        self._set_readout()

    def equations(self) -> NeuronEquations:
        """The model's equations."""
        return NeuronEquations(
            (Variable("v", "(Isyn + bias) / dt", reset(self.relative_reset)),),
            ("v_thresh", "v_reset", "bias"),
            output="v",
            threshold="v - v_thresh",
        )

    def parameters(self) -> dict[str, InitValue]:
        """Values of the equations' parameters."""
        return {"v_thresh": self.v_thresh, "v_reset": self.v_reset, "bias": self.bias}

    def initial(self) -> dict[str, InitValue]:
        """Values of the state variables at the start of an example."""
        return {"v": self.v}
