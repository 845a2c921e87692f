"""Leaky integrator, the usual output neuron."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ml_genn.graph.default_params import network_default_params
from ml_genn.initializers.value import InitValue
from ml_genn.model.equations import NeuronEquations
from ml_genn.neurons.checks import check_flags, check_value
from ml_genn.neurons.leaky import membrane
from ml_genn.neurons.neuron import Neuron


@network_default_params
@dataclass(frozen=True, eq=False)
class LeakyIntegrate(Neuron):
    r"""Leaky integrator that never spikes.

    .. math::
        \tau_{mem} \dot v = -v + I, \qquad
        v[n+1] = \alpha v[n] + s I[n] + b, \quad \alpha = e^{-dt / \tau_{mem}}

    with :math:`s = 1 - \alpha` if ``scale_i``, else 1.

    Args:
        v: membrane potential at the start, 0 by default.
        bias: bias added in each step, 0 by default.
        tau_mem: membrane time constant [ms], 20 by default.
        scale_i: whether input is scaled; None (default) leaves it to the compiler.
        readout: how an output is made from it; None (default) if it is not an output.

    Raises:
        ValidationError: if a value is no number, array or initializer,
            or a time constant is not above 0.
    """

    v: InitValue = 0.0
    bias: InitValue = 0.0
    tau_mem: InitValue = 20.0
    scale_i: bool | None = None
    readout: Any = None

    CHOICES: ClassVar[Mapping[str, Any]] = {"scale_i": False}
    POSITIVE: ClassVar[frozenset[str]] = frozenset({"tau_mem"})

    def __post_init__(self) -> None:
        check_value(self, "v")
        check_value(self, "bias")
        check_value(self, "tau_mem")
        check_flags(self, "scale_i")
        self._set_readout()

    def equations(self) -> NeuronEquations:
        """The model's equations."""
        return NeuronEquations(
            (membrane(self.choices()["scale_i"], None, bias=True),),
            ("tau_mem", "bias"),
            output="v",
        )

    def parameters(self) -> dict[str, InitValue]:
        """Values of the equations' parameters."""
        return {"tau_mem": self.tau_mem, "bias": self.bias}

    def initial(self) -> dict[str, InitValue]:
        """Values of the state variables at the start of an example."""
        return {"v": self.v}
