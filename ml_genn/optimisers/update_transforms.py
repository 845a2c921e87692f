"""Transforms around an optimiser's step: gradient clipping, weight decay, bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ml_genn.model.plan import GLOBAL_NORM, GRADIENT_NORM, Code


@dataclass(frozen=True, slots=True, eq=False)
class UpdateTransform:
    """One transform of a gradient or a weight.

    Args:
        code: C statements, as in `OptimiserUpdate`.
        numbers: {scalar that the code reads: value}.
        slots: state variables for each weight.
    """

    code: Code
    numbers: Mapping[str, float] = field(default_factory=dict)
    slots: tuple[str, ...] = ()


def transform(
    line: str, writes: str, reads: set[str], numbers: dict[str, float]
) -> UpdateTransform:
    """Returns a transform with one statement that assigns ``x`` or ``gradient``."""
    names = frozenset({writes, *reads, *numbers})
    return UpdateTransform(Code((line,), names, frozenset({writes})), numbers)


def clipped(
    norm: float | None, global_norm: float | None, value: float | None
) -> tuple[UpdateTransform, ...]:
    """Returns the transforms that clip a gradient.

    Args:
        norm: largest norm of the gradient of one array; None for no limit.
        global_norm: largest norm of all gradients together; None for no limit.
        value: largest absolute value of an element; None for no limit.
    """
    limits = {
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
        for name, (longest, length) in limits.items()
        if longest is not None
    ]
    if value is not None:
        line = "gradient = fminf(fmaxf(gradient, -clip_value_), clip_value_);"
        transforms.append(transform(line, "gradient", set(), {"clip_value_": value}))
    return tuple(transforms)


def decayed(strength: float) -> tuple[UpdateTransform, ...]:
    """Returns decoupled weight decay: x is reduced by alpha * strength * x."""
    line = "x -= alpha * weight_decay_ * x;"
    return (transform(line, "x", {"alpha"}, {"weight_decay_": strength}),)


def limited(lowest: float, highest: float) -> tuple[UpdateTransform, ...]:
    """Returns the transform that limits a weight to a range."""
    line = "x = fminf(fmaxf(x, at_least_), at_most_);"
    return (transform(line, "x", set(), {"at_least_": lowest, "at_most_": highest}),)
