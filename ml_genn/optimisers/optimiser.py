"""Base of optimisers."""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

from ml_genn.errors import ValidationError
from ml_genn.model.plan import Code
from ml_genn.optimisers.schedules import Rate, rate_at
from ml_genn.optimisers.update_transforms import (
    UpdateTransform,
    clipped,
    decayed,
    limited,
)
from ml_genn.utils.checks import not_negative, number, positive


def equation(slots: tuple[str, ...], scalars: tuple[str, ...], *lines: str) -> Code:
    """The code of an optimiser's step.

    Args:
        slots, scalars: as in `Optimiser`.
        *lines: C statements over ``x``, ``gradient``, slots and scalars.
    """
    reads = frozenset({"x", "gradient", *slots, *scalars})
    return Code(lines, reads, frozenset({"x", *slots}))


@dataclass(eq=False, repr=False, kw_only=True)
class Optimiser(ABC):
    """Changes weights by their gradients.

    An optimiser is an equation, ``CODE``, over a weight ``x``, its ``gradient``, the
    numbers kept for each weight (``SLOTS``) and numbers given for each step
    (``SCALARS``). The equation runs in compiled code; `scalars` is asked before each
    batch, so an attribute changed between batches takes effect.

    Around the step of any optimiser, in this order: the gradient is clipped by norm, by
    value, the weight decays, the step is taken, the weight is kept within limits.

    Args:
        alpha: learning rate, 0.001 by default, or a schedule (a function of the step).
        clip_norm: largest norm of the gradient of one array (the weights of a
            connection, for example); None (default) for no limit.
        global_clip_norm: largest norm of all gradients together; None (default) for no
            limit.
        clip_value: largest size of each number of a gradient; None (default) for no
            limit.
        weight_decay: fraction of the weight that each step subtracts, times the
            learning rate (decoupled, Loshchilov & Hutter 2019); 0 by default.
        limits: (lowest, highest) weight; None (default) for no limits.

    Raises:
        ValidationError: if a number is out of its range.
    """

    alpha: Rate = field(default=0.001, kw_only=False)
    clip_norm: float | None = None
    global_clip_norm: float | None = None
    clip_value: float | None = None
    weight_decay: float = 0.0
    limits: tuple[float, float] | None = None

    SLOTS: ClassVar[tuple[str, ...]]
    SCALARS: ClassVar[tuple[str, ...]]
    CODE: ClassVar[Code]
    #: {attribute: what refuses a number that it cannot be}
    CHECKS: ClassVar[Mapping[str, Callable[[str, Any], float]]] = {}

    def __post_init__(self) -> None:
        self.check()

    def check(self) -> None:
        """Refuses numbers that are out of their range."""
        name = type(self).__name__
        if not callable(self.alpha):
            not_negative(f"{name}: alpha", self.alpha)
        for attribute, refuse in self.CHECKS.items():
            refuse(f"{name}: {attribute}", getattr(self, attribute))
        for attribute in ("clip_norm", "global_clip_norm", "clip_value"):
            if getattr(self, attribute) is not None:
                positive(f"{name}: {attribute}", getattr(self, attribute))
        if self.clip_norm is not None and self.global_clip_norm is not None:
            raise ValidationError(
                f"{name}: give either clip_norm or global_clip_norm. Received "
                f"{self.clip_norm!r} and {self.global_clip_norm!r}."
            )
        not_negative(f"{name}: weight_decay", self.weight_decay)
        if self.limits is not None:
            _check_limits(f"{name}: limits", self.limits)

    def before(self) -> tuple[UpdateTransform, ...]:
        """What comes before the step."""
        clips = clipped(self.clip_norm, self.global_clip_norm, self.clip_value)
        return clips + (decayed(self.weight_decay) if self.weight_decay else ())

    def after(self) -> tuple[UpdateTransform, ...]:
        """What comes after the step."""
        return () if self.limits is None else limited(*self.limits)

    def scalars(self, step: int) -> tuple[float, ...]:
        """Values of ``SCALARS`` for a batch; attributes may have been changed.

        Args:
            step: index of the batch, counted from the start of training.
        """
        self.check()
        found = {"alpha": rate_at(self.alpha, step), **self.derived(step)}
        own = (n for n in self.SCALARS if n not in found)
        found |= {name: getattr(self, name) for name in own}
        return tuple(found[name] for name in self.SCALARS)

    def numbers(self, step: int) -> dict[str, float]:
        """All numbers that a batch needs: `scalars`, and what comes before and after.

        Args:
            step: as for `scalars`.
        """
        found = dict(zip(self.SCALARS, self.scalars(step), strict=True))
        for transform in (*self.before(), *self.after()):
            found |= transform.numbers
        return found

    def derived(self, step: int) -> dict[str, float]:
        """Values of those ``SCALARS`` that are no attributes.

        Args:
            step: as for `scalars`.
        """
        return {}

    def __repr__(self) -> str:
        given = [
            f"{f.name}={getattr(self, f.name)!r}"
            for f in sorted(fields(self), key=lambda f: bool(f.kw_only))
            if getattr(self, f.name) != f.default
        ]
        return f"{type(self).__name__}({', '.join(given)})"


def _check_limits(where: str, limits: Any) -> None:
    if not isinstance(limits, tuple | list) or len(limits) != 2:
        raise ValidationError(f"{where} are (lowest, highest). Received {limits!r}.")
    lowest, highest = (number(where, limit) for limit in limits)
    if lowest > highest:
        raise ValidationError(
            f"{where}: the lowest is not above the highest. Received {limits!r}."
        )
