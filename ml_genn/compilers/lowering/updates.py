"""How learned arrays change: an optimiser, and what comes before and after its step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ml_genn.model.plan import SIGN, Code, Learned, OptimiserUpdate
from ml_genn.optimisers import Optimiser


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


def limited(lowest: float, highest: float) -> Piece:
    """After the step: what is learned stays in a range."""
    line = "x = fminf(fmaxf(x, lowest_), highest_);"
    reads = frozenset({"x", "lowest_", "highest_"})
    code = Code((line,), reads, frozenset({"x"}))
    return Piece(code, {"lowest_": lowest, "highest_": highest})


def shrunk(strength: float) -> Piece:
    """Before the step: the gradient of ``strength`` times the sum of sizes (L1).

    At zero, where new synapses start, it has none.
    """
    line = f"gradient += x == 0.0f ? 0.0f : l1_strength_ * {SIGN};"
    reads = frozenset({"x", "gradient", "l1_strength_", SIGN})
    code = Code((line,), reads, frozenset({"gradient"}))
    return Piece(code, {"l1_strength_": strength}, (SIGN,))


def decayed(share: float) -> Piece:
    """After the step: what is learned loses a share of its size."""
    reads = frozenset({"x", "decay_"})
    code = Code(("x -= decay_ * x;",), reads, frozenset({"x"}))
    return Piece(code, {"decay_": share})


@dataclass(frozen=True, slots=True, eq=False)
class Update:
    """How one learned array changes.

    Args:
        target: the array.
        optimiser: takes the step.
        before, after: what comes before and after it.
    """

    target: Learned
    optimiser: Optimiser
    before: tuple[Piece, ...] = ()
    after: tuple[Piece, ...] = ()

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """What is added to the optimiser's step."""
        return (*self.before, *self.after)

    def plan(self) -> OptimiserUpdate:
        """The update as a backend takes it."""
        codes = (
            *(piece.code for piece in self.before),
            self.optimiser.CODE,
            *(piece.code for piece in self.after),
        )
        empty: frozenset[str] = frozenset()
        return OptimiserUpdate(
            self.target,
            (*self.optimiser.SLOTS, *(n for p in self.pieces for n in p.slots)),
            (*self.optimiser.SCALARS, *(n for p in self.pieces for n in p.numbers)),
            Code(
                tuple(line for code in codes for line in code.lines),
                empty.union(*(code.reads for code in codes)),
                empty.union(*(code.writes for code in codes)),
            ),
        )

    def scalars(self, step: int) -> tuple[float, ...]:
        """Values of the plan's scalars for a batch."""
        own = (v for piece in self.pieces for v in piece.numbers.values())
        return (*self.optimiser.scalars(step), *own)
