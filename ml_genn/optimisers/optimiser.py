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
    clip_transforms,
    limit_transform,
    weight_decay_transforms,
)
from ml_genn.utils.checks import check_fields, not_negative, number, positive, shown
from ml_genn.utils.synonyms import AnswersSynonyms


def equation(slots: tuple[str, ...], scalars: tuple[str, ...], *lines: str) -> Code:
    """Returns the code of an optimiser's step.

    Args:
        slots, scalars: as in `Optimiser`.
        *lines: C statements over ``x``, ``gradient``, slots and scalars.
    """
    reads = frozenset({"x", "gradient", *slots, *scalars})
    return Code(lines, reads, frozenset({"x", *slots}))


@dataclass(eq=False, repr=False, kw_only=True)
class Optimiser(AnswersSynonyms, ABC):
    """Base of optimisers.

    An optimiser is an equation, ``CODE``, over a parameter ``x``, its ``gradient``, the
    optimiser's state of each parameter (``SLOTS``, slot variables as in TensorFlow) and
    hyperparameters of the step that all parameters have in common (``SCALARS``). The
    equation runs in compiled code. `scalars` is called before each batch, so a
    changed attribute takes effect with the next batch.

    Order of an update: clipping by norm, clipping by value, weight decay, the
    optimiser's step, limits.

    Args:
        alpha: learning rate, 0.001 by default, or a schedule (a function of the step).
        clip_norm: largest norm of the gradient of one array (the weights of a
            connection, for example); None (default) for no limit.
        global_clip_norm: largest norm of all gradients together; None (default) for no
            limit.
        clip_value: largest absolute value of each element of a gradient; None (default)
            for no limit.
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
    #: True if a step cannot overflow where gradient, parameter and state are at most
    #: 1e9 and scalars are zero or between 1e-20 and 1e4. Otherwise each step is first
    #: computed on trial, before anything is stored.
    BOUNDED: ClassVar[bool] = False
    #: {attribute: check that raises ValidationError for an invalid number}
    CHECKS: ClassVar[Mapping[str, Callable[[str, Any], float]]] = {}

    def __init_subclass__(cls) -> None:
        """Does not inherit ``BOUNDED`` where ``CODE`` is replaced."""
        super().__init_subclass__()
        if "CODE" in vars(cls) and "BOUNDED" not in vars(cls):
            cls.BOUNDED = False

    def __post_init__(self) -> None:
        self.check()

    def check(self) -> None:
        """Raises ValidationError if a number is out of its range."""
        name = type(self).__name__
        clips = ("clip_norm", "global_clip_norm", "clip_value")
        checks = {**self.CHECKS, "weight_decay": not_negative}
        checks |= {c: positive for c in clips if getattr(self, c) is not None}
        if not callable(self.alpha):
            checks["alpha"] = not_negative
        check_fields(self, **checks)
        if self.clip_norm is not None and self.global_clip_norm is not None:
            raise ValidationError(
                f"{name}: give either clip_norm or global_clip_norm. Received "
                f"{self.clip_norm!r} and {self.global_clip_norm!r}."
            )
        if self.limits is not None:
            self.limits = _checked_limits(f"{name}: limits", self.limits)

    def before(self) -> tuple[UpdateTransform, ...]:
        """Returns the transforms of gradient and weight before the step."""
        clips = clip_transforms(self.clip_norm, self.global_clip_norm, self.clip_value)
        return clips + (
            weight_decay_transforms(self.weight_decay) if self.weight_decay else ()
        )

    def after(self) -> tuple[UpdateTransform, ...]:
        """Returns the transforms of the weight after the step."""
        if self.limits is None:
            return ()
        return (limit_transform(*self.limits, prefix="optimiser_"),)

    def scalars(self, step: int) -> tuple[float, ...]:
        """Returns the values of ``SCALARS`` for a batch.

        Args:
            step: index of the batch, counted from the start of training.
        """
        self.check()
        values = {"alpha": rate_at(self.alpha, step), **self.derived(step)}
        attributes = (n for n in self.SCALARS if n not in values)
        values |= {name: getattr(self, name) for name in attributes}
        return tuple(values[name] for name in self.SCALARS)

    def numbers(self, step: int) -> dict[str, float]:
        """Returns the scalars of a batch, those of the transforms included.

        Args:
            step: as for `scalars`.
        """
        values = dict(zip(self.SCALARS, self.scalars(step), strict=True))
        for transform in (*self.before(), *self.after()):
            values |= transform.numbers
        return values

    def derived(self, step: int) -> dict[str, float]:
        """Returns the ``SCALARS`` that are computed from attributes and the step.

        Args:
            step: as for `scalars`.
        """
        return {}

    def __repr__(self) -> str:
        arguments = [
            f"{f.name}={getattr(self, f.name)!r}"
            for f in sorted(fields(self), key=lambda f: bool(f.kw_only))
            if getattr(self, f.name) != f.default
        ]
        return f"{type(self).__name__}({', '.join(arguments)})"


def _checked_limits(where: str, limits: Any) -> tuple[float, float]:
    if not isinstance(limits, tuple | list) or len(limits) != 2:
        raise ValidationError(
            f"{where} are (lowest, highest). Received {shown(limits)}."
        )
    lowest, highest = (number(where, limit) for limit in limits)
    if lowest > highest:
        raise ValidationError(
            f"{where}: the lowest is not above the highest. Received {shown(limits)}."
        )
    return lowest, highest
