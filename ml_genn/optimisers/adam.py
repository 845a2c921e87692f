"""Adam, AdamW and Adamax."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ml_genn.model.plan import Code
from ml_genn.optimisers.optimiser import Optimiser, equation
from ml_genn.optimisers.schedules import Rate
from ml_genn.utils.checks import fraction, positive
from ml_genn.utils.synonyms import accepts_synonyms

_CHECKS = {"beta1": fraction, "beta2": fraction, "epsilon": positive}


@accepts_synonyms
@dataclass(eq=False, repr=False)
class Adam(Optimiser):
    r"""Adam (Kingma & Ba 2015).

    .. math::
        m \leftarrow \beta_1 m + (1 - \beta_1) g, \quad
        v \leftarrow \beta_2 v + (1 - \beta_2) g^2, \quad
        x \leftarrow x - \alpha \frac{m / (1 - \beta_1^{n})}
            {\sqrt{v / (1 - \beta_2^{n})} + \epsilon}

    for a parameter x, its gradient g, the first and second moments m and v of g, and
    the number n of the step, counted from 1.

    Args:
        alpha: learning rate or schedule, 0.001 by default.
        beta1: decay rate of the first moment, in [0, 1), 0.9 by default.
        beta2: decay rate of the second moment, in [0, 1), 0.999 by default.
        epsilon: added to the denominator, 1e-8 by default.
        **kwargs: gradient clipping, weight decay and parameter bounds, as for
            `Optimiser`.

    Raises:
        ValidationError: if a number is out of its range.
    """

    alpha: Rate = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    SLOTS: ClassVar[tuple[str, ...]] = ("m", "v")
    SCALARS: ClassVar[tuple[str, ...]] = (
        "alpha",
        "beta1",
        "beta2",
        "epsilon",
        "m_scale",
        "v_scale",
    )
    BOUNDED: ClassVar[bool] = True
    CODE: ClassVar[Code] = equation(
        SLOTS,
        SCALARS,
        "m = beta1 * m + (1.0f - beta1) * gradient;",
        "v = beta2 * v + (1.0f - beta2) * gradient * gradient;",
        "x -= alpha * (m * m_scale) / (sqrtf(v * v_scale) + epsilon);",
    )
    CHECKS: ClassVar[Mapping[str, Callable[[str, Any], float]]] = _CHECKS

    def derived(self, step: int) -> dict[str, float]:
        """Returns the bias corrections of both moments."""
        return {
            "m_scale": 1.0 / (1.0 - self.beta1 ** (step + 1)),
            "v_scale": 1.0 / (1.0 - self.beta2 ** (step + 1)),
        }


@accepts_synonyms
@dataclass(eq=False, repr=False, kw_only=True)
class AdamW(Adam):
    r"""Adam with decoupled weight decay (Loshchilov & Hutter 2019).

    .. math:: x \leftarrow (1 - \alpha \, d) \, x, \quad \text{then as } \mathrm{Adam}

    The decay d is ``weight_decay``.

    Args:
        weight_decay: as for `Optimiser`, 0.01 by default.
        alpha, beta1, beta2, epsilon: as for `Adam`.
        **kwargs: as for `Optimiser`.
    """

    weight_decay: float = 0.01


@accepts_synonyms
@dataclass(eq=False, repr=False)
class Adamax(Optimiser):
    r"""Adamax: Adam with the infinity norm of gradients (Kingma & Ba 2015).

    .. math::
        m \leftarrow \beta_1 m + (1 - \beta_1) g, \quad
        u \leftarrow \max(\beta_2 u, |g|), \quad
        x \leftarrow x - \frac{\alpha}{1 - \beta_1^{n}} \frac{m}{u + \epsilon}

    for a parameter x, its gradient g, the first moment m and the infinity norm u of g,
    and the number n of the step, counted from 1.

    Args:
        alpha: learning rate or schedule, 0.001 by default.
        beta1: decay rate of the first moment, in [0, 1), 0.9 by default.
        beta2: decay rate of the infinity norm, in [0, 1), 0.999 by default.
        epsilon: added to the denominator, 1e-8 by default.
        **kwargs: gradient clipping, weight decay and parameter bounds, as for
            `Optimiser`.

    Raises:
        ValidationError: if a number is out of its range.
    """

    alpha: Rate = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    SLOTS: ClassVar[tuple[str, ...]] = ("m", "u")
    SCALARS: ClassVar[tuple[str, ...]] = (
        "alpha",
        "beta1",
        "beta2",
        "epsilon",
        "m_scale",
    )
    BOUNDED: ClassVar[bool] = True
    CODE: ClassVar[Code] = equation(
        SLOTS,
        SCALARS,
        "m = beta1 * m + (1.0f - beta1) * gradient;",
        "u = fmaxf(beta2 * u, fabsf(gradient));",
        "x -= alpha * m_scale * m / (u + epsilon);",
    )
    CHECKS: ClassVar[Mapping[str, Callable[[str, Any], float]]] = _CHECKS

    def derived(self, step: int) -> dict[str, float]:
        """Returns the bias correction of the first moment."""
        return {"m_scale": 1.0 / (1.0 - self.beta1 ** (step + 1))}
