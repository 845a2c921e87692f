"""How learned arrays change: an optimiser, and what comes before and after its step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ml_genn.errors import ValidationError
from ml_genn.model.plan import SIGN, Code, Learned, OptimiserUpdate
from ml_genn.optimisers import Optimiser
from ml_genn.optimisers.update_transforms import UpdateTransform


def limited(lowest: float, highest: float) -> UpdateTransform:
    """After the step: what is learned stays in a range."""
    line = "x = fminf(fmaxf(x, lowest_), highest_);"
    reads = frozenset({"x", "lowest_", "highest_"})
    code = Code((line,), reads, frozenset({"x"}))
    return UpdateTransform(code, {"lowest_": lowest, "highest_": highest})


def shrunk(strength: float) -> UpdateTransform:
    """Before the step: the gradient of ``strength`` times the sum of sizes (L1).

    At zero, where new synapses start, it has none.
    """
    line = f"gradient += x == 0.0f ? 0.0f : l1_strength_ * {SIGN};"
    reads = frozenset({"x", "gradient", "l1_strength_", SIGN})
    code = Code((line,), reads, frozenset({"gradient"}))
    return UpdateTransform(code, {"l1_strength_": strength}, (SIGN,))


def decayed(share: float) -> UpdateTransform:
    """After the step: what is learned loses a share of its size."""
    reads = frozenset({"x", "decay_"})
    code = Code(("x -= decay_ * x;",), reads, frozenset({"x"}))
    return UpdateTransform(code, {"decay_": share})


@dataclass(frozen=True, slots=True, eq=False)
class Update:
    """How one learned array changes.

    Args:
        target: the array.
        optimiser: takes the step.
        before, after: what comes before and after it, beside what the optimiser itself
            asks for.
    """

    target: Learned
    optimiser: Optimiser
    before: tuple[UpdateTransform, ...] = ()
    after: tuple[UpdateTransform, ...] = ()

    def plan(self) -> OptimiserUpdate:
        """The update as a backend takes it."""
        before = (*self.optimiser.before(), *self.before)
        after = (*self.optimiser.after(), *self.after)
        transforms = (*before, *after)
        codes = (
            *(transform.code for transform in before),
            self.optimiser.CODE,
            *(transform.code for transform in after),
        )
        empty: frozenset[str] = frozenset()
        return OptimiserUpdate(
            self.target,
            (*self.optimiser.SLOTS, *(n for p in transforms for n in p.slots)),
            (*self.optimiser.SCALARS, *(n for p in transforms for n in p.numbers)),
            Code(
                tuple(line for code in codes for line in code.lines),
                empty.union(*(code.reads for code in codes)),
                empty.union(*(code.writes for code in codes)),
            ),
        )

    def scalars(
        self, numbers: Mapping[str, float], plan: OptimiserUpdate
    ) -> tuple[float, ...]:
        """Values of the plan's scalars for a batch.

        Args:
            numbers: of the optimiser, for the batch.
            plan: the update as the backend took it.

        Raises:
            ValidationError: if the optimiser asks for something else than when the plan
                was made.
        """
        found = dict(numbers)
        for transform in (*self.before, *self.after):
            found |= transform.numbers
        if found.keys() != set(plan.scalars):
            raise ValidationError(
                f"{self.optimiser!r}: clipping, decay or limits were switched on or "
                "off after the network was compiled. Compile it again; their numbers "
                "may be changed at any time."
            )
        return tuple(found[name] for name in plan.scalars)
