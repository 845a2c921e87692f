"""Synapse with a current that decays exponentially."""

from __future__ import annotations

from typing import ClassVar

from ml_genn.dynamics.arguments import choice, parameter
from ml_genn.dynamics.model import model_class
from ml_genn.initializers.value import InitValue
from ml_genn.model.equations import SynapseEquations, Variable
from ml_genn.synapses.synapse import Synapse


@model_class
class Exponential(Synapse):
    r"""Synapse with a current that each spike raises by its weight and that decays.

    .. math::
        \tau \dot i = -i, \qquad i \to i + w; \qquad I = s \, i

    with :math:`s = \frac{\tau}{dt} (1 - e^{-dt / \tau})` (the mean over the step of a
    current that decays) if ``scale_i``, else 1.
    """

    tau: InitValue = parameter("time constant", "ms", default=5.0, positive=True)
    scale_i: bool | None = choice(
        "input is the mean of the current over the step, not its value at the start",
        default=None,
        otherwise=False,
    )

    ADDITIVE: ClassVar[bool] = True

    def equations(self) -> SynapseEquations:
        """Returns the equations of the model."""
        mean = "i * tau / dt * (1 - exp(-dt / tau))"
        inject = mean if self.choices()["scale_i"] else "i"
        i = Variable("i", "-i / tau", "i + weight")
        return SynapseEquations((i,), inject, tuple(self.parameters()))
