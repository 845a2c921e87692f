"""What may come before and after any optimiser's step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ml_genn.model.plan import GLOBAL_NORM, GRADIENT_NORM, Code


@dataclass(frozen=True, slots=True, eq=False)
class UpdateTransform:
    """Part of an update.

    Args:
        code: as in `OptimiserUpdate`.
        numbers: the scalars that it reads.
        slots: what it keeps for each number that is learned.
    """

    code: Code
    numbers: Mapping[str, float] = field(default_factory=dict)
    slots: tuple[str, ...] = ()


def transform(
    line: str, writes: str, reads: set[str], numbers: dict[str, float]
) -> UpdateTransform:
    """A transform of one line that changes ``x`` or ``gradient``."""
    names = frozenset({writes, *reads, *numbers})
    return UpdateTransform(Code((line,), names, frozenset({writes})), numbers)


def clipped(
    norm: float | None, global_norm: float | None, value: float | None
) -> tuple[UpdateTransform, ...]:
    """The gradient made shorter, of an array or of all, and its numbers cut."""
    given = {
        "clip_norm_": (norm, GRADIENT_NORM),
        "global_clip_norm_": (global_norm, GLOBAL_NORM),
    }
    transforms = [
        transform(
            f"gradient *= {name} / fmaxf({length}, {name});",
            "gradient",
            {length},
            {name: longest},
        )
        for name, (longest, length) in given.items()
        if longest is not None
    ]
    if value is not None:
        line = "gradient = fminf(fmaxf(gradient, -clip_value_), clip_value_);"
        transforms.append(transform(line, "gradient", set(), {"clip_value_": value}))
    return tuple(transforms)


def decayed(strength: float) -> tuple[UpdateTransform, ...]:
    """The weight made smaller, by a fraction that follows the learning rate."""
    line = "x -= alpha * weight_decay_ * x;"
    return (transform(line, "x", {"alpha"}, {"weight_decay_": strength}),)


def limited(lowest: float, highest: float) -> tuple[UpdateTransform, ...]:
    """The weight kept in a range."""
    line = "x = fminf(fmaxf(x, at_least_), at_most_);"
    return (transform(line, "x", set(), {"at_least_": lowest, "at_most_": highest}),)
