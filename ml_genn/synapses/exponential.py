"""Synapse with a current that decays exponentially."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ml_genn.graph.default_params import network_default_params
from ml_genn.initializers.value import InitValue
from ml_genn.model.equations import SynapseEquations, Variable
from ml_genn.neurons.checks import check_flags, check_value
from ml_genn.synapses.synapse import Synapse


@network_default_params
@dataclass(frozen=True, eq=False)
class Exponential(Synapse):
    r"""A current that each spike raises by its weight and that decays.

    .. math::
        \tau \dot i = -i, \qquad i \to i + w; \qquad I = s \, i

    with :math:`s = \frac{\tau}{dt} (1 - e^{-dt / \tau})` (the mean over the step of a
    current that decays) if ``scale_i``, else 1.

    Args:
        tau: time constant [ms], 5 by default.
        scale_i: whether the mean over the step is taken; None (default) leaves it to
            the compiler.
    """

    tau: InitValue = 5.0
    scale_i: bool | None = None

    ADDITIVE: ClassVar[bool] = True
    POSITIVE: ClassVar[frozenset[str]] = frozenset({"tau"})
    CHOICES: ClassVar[Mapping[str, Any]] = {"scale_i": False}

    def __post_init__(self) -> None:
        check_value(self, "tau")
        check_flags(self, "scale_i")

    def equations(self) -> SynapseEquations:
        """The model's equations."""
        mean = "i * tau / dt * (1 - exp(-dt / tau))"
        return SynapseEquations(
            (Variable("i", "-i / tau", "i + weight"),),
            mean if self.choices()["scale_i"] else "i",
            ("tau",),
        )

    def parameters(self) -> dict[str, InitValue]:
        """Values of the equations' parameters."""
        return {"tau": self.tau}
