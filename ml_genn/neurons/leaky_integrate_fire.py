"""Leaky integrate-and-fire neuron."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ml_genn.graph.default_params import network_default_params
from ml_genn.initializers.value import InitValue
from ml_genn.model.equations import NeuronEquations
from ml_genn.neurons.leaky import check_fire, fire_equations, fire_parameters
from ml_genn.neurons.neuron import Neuron


@network_default_params
@dataclass(frozen=True, eq=False)
class LeakyIntegrateFire(Neuron):
    r"""Leaky integrate-and-fire neuron.

    .. math::
        \tau_{mem} \dot v = -v + I, \qquad
        v[n+1] = \alpha v[n] + s I[n], \quad \alpha = e^{-dt / \tau_{mem}}

    with :math:`s = 1 - \alpha` if ``scale_i``, else 1. Where :math:`v \ge v_{thresh}`
    after a step the neuron spikes, unless it is refractory, and v is reset.

    Args:
        v_thresh: firing threshold, 1 by default.
        v_reset: membrane potential after a spike, 0 by default.
        v: membrane potential at the start, 0 by default.
        tau_mem: membrane time constant [ms], 20 by default.
        tau_refrac: refractory period [ms]; None (default) for none.
        relative_reset: whether a spike subtracts ``v_thresh - v_reset`` instead of
            setting v to ``v_reset``; None (default) leaves it to the compiler.
        integrate_during_refrac: whether v is integrated in the refractory period; None
            (default) leaves it to the compiler.
        scale_i: whether input is scaled; None (default) leaves it to the compiler.
        readout: how an output is made from it; None (default) if it is not an output.

    Raises:
        ValidationError: if a value is no number, array or initializer,
            or a time constant is not above 0.
    """

    v_thresh: InitValue = 1.0
    v_reset: InitValue = 0.0
    v: InitValue = 0.0
    tau_mem: InitValue = 20.0
    tau_refrac: InitValue | None = None
    relative_reset: bool | None = None
    integrate_during_refrac: bool | None = None
    scale_i: bool | None = None
    readout: Any = None

    POSITIVE: ClassVar[frozenset[str]] = frozenset({"tau_mem", "tau_refrac"})
    CHOICES: ClassVar[Mapping[str, Any]] = {
        "relative_reset": True,
        "integrate_during_refrac": True,
        "scale_i": False,
    }

    def __post_init__(self) -> None:
        check_fire(self)
        self._set_readout()

    def equations(self) -> NeuronEquations:
        """The model's equations."""
        return fire_equations(self, "v - v_thresh")

    def parameters(self) -> dict[str, InitValue]:
        """Values of the equations' parameters."""
        return fire_parameters(self)

    def initial(self) -> dict[str, InitValue]:
        """Values of the state variables at the start of an example."""
        return {"v": self.v}
