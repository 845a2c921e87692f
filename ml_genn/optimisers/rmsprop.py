"""RMSprop optimiser."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ml_genn.model.plan import Code
from ml_genn.optimisers.optimiser import Optimiser, equation
from ml_genn.optimisers.schedules import Rate
from ml_genn.utils.checks import fraction, positive
from ml_genn.utils.synonyms import accepts_synonyms


@accepts_synonyms
@dataclass(eq=False, repr=False)
class RMSprop(Optimiser):
    r"""RMSprop: gradients divided by their root mean square (Tieleman & Hinton 2012).

    .. math::
        v \leftarrow \rho v + (1 - \rho) g^2, \quad
        u \leftarrow \mu u + \frac{g}{\sqrt{v} + \epsilon}, \quad
        x \leftarrow x - \alpha u

    for a parameter x, its gradient g, the mean square v of g and the momentum buffer u.

    Args:
        alpha: learning rate or schedule, 0.001 by default. PyTorch's ``alpha`` is
            ``rho`` here.
        rho: decay rate of the mean square, in [0, 1), 0.9 by default.
        momentum: :math:`\mu`, in [0, 1), 0 by default.
        epsilon: added to the denominator, 1e-8 by default.
        **kwargs: gradient clipping, weight decay and parameter bounds, as for
            `Optimiser`.

    Raises:
        ValidationError: if a number is out of its range.
    """

    alpha: Rate = 0.001
    rho: float = 0.9
    momentum: float = 0.0
    epsilon: float = 1e-8

    SLOTS: ClassVar[tuple[str, ...]] = ("v", "u")
    SCALARS: ClassVar[tuple[str, ...]] = ("alpha", "rho", "momentum", "epsilon")
    BOUNDED: ClassVar[bool] = True
    CODE: ClassVar[Code] = equation(
        SLOTS,
        SCALARS,
        "v = rho * v + (1.0f - rho) * gradient * gradient;",
        "u = momentum * u + gradient / (sqrtf(v) + epsilon);",
        "x -= alpha * u;",
    )
    CHECKS: ClassVar[Mapping[str, Callable[[str, Any], float]]] = {
        "rho": fraction,
        "momentum": fraction,
        "epsilon": positive,
    }
