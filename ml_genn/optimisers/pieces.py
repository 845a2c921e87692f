"""What may come before and after any optimiser's step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ml_genn.model.plan import GLOBAL_NORM, GRADIENT_NORM, Code


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Part of an update.

    Args:
        code: as in `OptimiserUpdate`.
        numbers: the scalars that it reads.
        slots: what it keeps for each number that is learned.
    """

    code: Code
    numbers: Mapping[str, float] = field(default_factory=dict)
    slots: tuple[str, ...] = ()


def piece(line: str, writes: str, reads: set[str], numbers: dict[str, float]) -> Piece:
    """A piece of one line that changes ``x`` or ``gradient``."""
    names = frozenset({writes, *reads, *numbers})
    return Piece(Code((line,), names, frozenset({writes})), numbers)


def clipped(
    norm: float | None, global_norm: float | None, value: float | None
) -> tuple[Piece, ...]:
    """The gradient made shorter, of an array or of all, and its numbers cut."""
    given = {
        "clip_norm_": (norm, GRADIENT_NORM),
        "global_clip_norm_": (global_norm, GLOBAL_NORM),
    }
    pieces = [
        piece(
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
        pieces.append(piece(line, "gradient", set(), {"clip_value_": value}))
    return tuple(pieces)


def decayed(strength: float) -> tuple[Piece, ...]:
    """The weight made smaller, by a share that follows the learning rate."""
    line = "x -= alpha * weight_decay_ * x;"
    return (piece(line, "x", {"alpha"}, {"weight_decay_": strength}),)


def limited(lowest: float, highest: float) -> tuple[Piece, ...]:
    """The weight kept in a range."""
    line = "x = fminf(fmaxf(x, at_least_), at_most_);"
    return (piece(line, "x", set(), {"at_least_": lowest, "at_most_": highest}),)
