"""Transforms around an optimiser's step: gradient clipping, weight decay, bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ml_genn.model.plan import GLOBAL_NORM, GRADIENT_NORM, Code


@dataclass(frozen=True, slots=True, eq=False)
class UpdateTransform:
    """One transform of a learned array or of its gradient.

    Its code runs for each element before or after the optimiser's step. In the code,
    ``x`` is the element and ``gradient`` is its gradient.

    Args:
        code: C statements, as in `OptimiserUpdate`.
        numbers: {name of a constant in the code: its value}.
        slots: names of the state variables in the code, with one value per element.
    """

    code: Code
    numbers: Mapping[str, float] = field(default_factory=dict)
    slots: tuple[str, ...] = ()


def assignment_transform(
    line: str, writes: str, reads: set[str], numbers: dict[str, float]
) -> UpdateTransform:
    """Returns a transform with one statement, which assigns ``x`` or ``gradient``.

    Args:
        line: the C statement.
        writes: the variable that it assigns and reads: ``x`` or ``gradient``.
        reads: the other variables that it reads, without constants.
        numbers: {name of a constant in the statement: its value}.
    """
    names = frozenset({writes, *reads, *numbers})
    return UpdateTransform(Code((line,), names, frozenset({writes})), numbers)


def clip_transforms(
    norm: float | None, global_norm: float | None, value: float | None
) -> tuple[UpdateTransform, ...]:
    """Returns the transforms that clip a gradient: first by a norm, then by value.

    Args:
        norm: largest norm of the gradient of one array; None for no limit.
        global_norm: largest norm of all gradients together; None for no limit.
        value: largest absolute value of an element; None for no limit.
    """
    max_norms = {
        "clip_norm_": (norm, GRADIENT_NORM),
        "global_clip_norm_": (global_norm, GLOBAL_NORM),
    }
    transforms = [
        assignment_transform(
            f"gradient *= {name} / fmaxf({norm_variable}, {name});",
            "gradient",
            {norm_variable},
            {name: max_norm},
        )
        for name, (max_norm, norm_variable) in max_norms.items()
        if max_norm is not None
    ]
    if value is not None:
        line = "gradient = fminf(fmaxf(gradient, -clip_value_), clip_value_);"
        transforms.append(
            assignment_transform(line, "gradient", set(), {"clip_value_": value})
        )
    return tuple(transforms)


def weight_decay_transforms(strength: float) -> tuple[UpdateTransform, ...]:
    """Returns the transform for decoupled weight decay: x -= alpha * strength * x.

    Args:
        strength: factor of the decay; ``alpha`` is the learning rate.
    """
    line = "x -= alpha * weight_decay_ * x;"
    return (assignment_transform(line, "x", {"alpha"}, {"weight_decay_": strength}),)


def limit_transform(lowest: float, highest: float, prefix: str = "") -> UpdateTransform:
    """Returns the transform after a step that clips x to the range [lowest, highest].

    Args:
        lowest, highest: the range.
        prefix: start of the names of the two numbers in C; it tells the limits of one
            array that have different origins apart.
    """
    lower, upper = f"{prefix}lowest_", f"{prefix}highest_"
    line = f"x = fminf(fmaxf(x, {lower}), {upper});"
    return assignment_transform(line, "x", set(), {lower: lowest, upper: highest})
