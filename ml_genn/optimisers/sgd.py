"""Stochastic gradient descent, with momentum, and Lion."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ml_genn.model.plan import Code
from ml_genn.optimisers.optimiser import Optimiser, equation
from ml_genn.optimisers.schedules import Rate
from ml_genn.utils.checks import flag, fraction
from ml_genn.utils.synonyms import accepts_synonyms


@accepts_synonyms
@dataclass(eq=False, repr=False)
class SGD(Optimiser):
    r"""Stochastic gradient descent.

    .. math::
        u \leftarrow \mu u + g, \qquad x \leftarrow x - \alpha u
        \quad (\text{Nesterov: } x \leftarrow x - \alpha (g + \mu u))

    for a parameter x, its gradient g and the momentum buffer u.

    Args:
        alpha: learning rate or schedule, 0.01 by default.
        momentum: :math:`\mu`, in [0, 1), 0 by default.
        nesterov: True for Nesterov momentum; False by default.
        **kwargs: gradient clipping, weight decay and parameter bounds, as for
            `Optimiser`.

    Raises:
        ValidationError: if a number is out of its range.
    """

    alpha: Rate = 0.01
    momentum: float = 0.0
    nesterov: bool = False

    SLOTS: ClassVar[tuple[str, ...]] = ("u",)
    SCALARS: ClassVar[tuple[str, ...]] = (
        "alpha",
        "momentum",
        "gradient_factor",
        "momentum_factor",
    )
    BOUNDED: ClassVar[bool] = True
    CODE: ClassVar[Code] = equation(
        SLOTS,
        SCALARS,
        "u = momentum * u + gradient;",
        "x -= alpha * (gradient_factor * gradient + momentum_factor * u);",
    )
    CHECKS: ClassVar[Mapping[str, Callable[[str, Any], float]]] = {
        "momentum": fraction,
        "nesterov": flag,
    }

    def derived(self, step: int) -> dict[str, float]:
        """Returns the factors of gradient and momentum in the step."""
        if self.nesterov:
            return {"gradient_factor": 1.0, "momentum_factor": self.momentum}
        return {"gradient_factor": 0.0, "momentum_factor": 1.0}


@accepts_synonyms
@dataclass(eq=False, repr=False)
class Lion(Optimiser):
    r"""Lion: steps along the sign of a momentum (Chen et al. 2023).

    .. math::
        x \leftarrow x - \alpha \, \mathrm{sign}(\beta_1 m + (1 - \beta_1) g), \qquad
        m \leftarrow \beta_2 m + (1 - \beta_2) g

    for a parameter x, its gradient g and the momentum buffer m.

    Args:
        alpha: learning rate or schedule, 0.0001 by default.
        beta1: fraction of the momentum in the step, in [0, 1), 0.9 by default.
        beta2: decay rate of the momentum, in [0, 1), 0.99 by default.
        **kwargs: gradient clipping, weight decay and parameter bounds, as for
            `Optimiser`.

    Raises:
        ValidationError: if a number is out of its range.
    """

    alpha: Rate = 0.0001
    beta1: float = 0.9
    beta2: float = 0.99

    SLOTS: ClassVar[tuple[str, ...]] = ("m",)
    SCALARS: ClassVar[tuple[str, ...]] = ("alpha", "beta1", "beta2")
    BOUNDED: ClassVar[bool] = True
    CODE: ClassVar[Code] = equation(
        SLOTS,
        SCALARS,
        "const float direction = beta1 * m + (1.0f - beta1) * gradient;",
        "x -= alpha * float((direction > 0.0f) - (direction < 0.0f));",
        "m = beta2 * m + (1.0f - beta2) * gradient;",
    )
    CHECKS: ClassVar[Mapping[str, Callable[[str, Any], float]]] = {
        "beta1": fraction,
        "beta2": fraction,
    }
