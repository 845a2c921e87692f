"""Adam."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ml_genn.errors import ValidationError
from ml_genn.model.plan import Code
from ml_genn.optimisers.optimiser import Optimiser
from ml_genn.utils.checks import number, positive


@dataclass(eq=False)
class Adam(Optimiser):
    r"""Adam (Kingma & Ba 2015).

    .. math::
        m \leftarrow \beta_1 m + (1 - \beta_1) g, \quad
        v \leftarrow \beta_2 v + (1 - \beta_2) g^2, \quad
        x \leftarrow x - \alpha \frac{m / (1 - \beta_1^{n})}
            {\sqrt{v / (1 - \beta_2^{n})} + \epsilon}

    Args:
        alpha: learning rate, 0.001 by default.
        beta1: decay of the mean of gradients, 0.9 by default.
        beta2: decay of the mean of their squares, 0.999 by default.
        epsilon: keeps the step finite, 1e-8 by default.

    Raises:
        ValidationError: if a number is out of its range.
    """

    alpha: float = 0.001
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
    CODE: ClassVar[Code] = Code(
        (
            "m = beta1 * m + (1.0f - beta1) * gradient;",
            "v = beta2 * v + (1.0f - beta2) * gradient * gradient;",
            "x -= alpha * (m * m_scale) / (sqrtf(v * v_scale) + epsilon);",
        ),
        frozenset({"m", "v", "x", "gradient", *SCALARS}),
        frozenset({"m", "v", "x"}),
    )

    def __post_init__(self) -> None:
        if number("Adam: alpha", self.alpha) < 0:
            raise ValidationError(
                f"Adam: alpha is not negative. Received {self.alpha!r}."
            )
        positive("Adam: epsilon", self.epsilon)
        for name in ("beta1", "beta2"):
            if not 0 <= number(f"Adam: {name}", getattr(self, name)) < 1:
                raise ValidationError(
                    f"Adam: {name} is at least 0 and below 1. "
                    f"Received {getattr(self, name)!r}."
                )

    def scalars(self, step: int) -> tuple[float, ...]:
        """Values of ``SCALARS`` for a batch; attributes may have been changed."""
        self.__post_init__()
        return (
            self.alpha,
            self.beta1,
            self.beta2,
            self.epsilon,
            1.0 / (1.0 - self.beta1 ** (step + 1)),
            1.0 / (1.0 - self.beta2 ** (step + 1)),
        )
