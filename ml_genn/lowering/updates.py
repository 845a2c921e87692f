"""Updates of learned arrays: an optimiser's step, with transforms around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ml_genn.connection import Connection
from ml_genn.errors import ValidationError
from ml_genn.lowering.training import Training
from ml_genn.model.plan import (
    SIGN,
    Code,
    Learned,
    LearnedKind,
    OptimiserUpdate,
    PlanValues,
)
from ml_genn.network import Network
from ml_genn.optimisers import Optimiser
from ml_genn.optimisers.update_transforms import (
    UpdateTransform,
    assignment_transform,
    limit_transform,
)
from ml_genn.population import Population

_NO_LIMIT = float(np.finfo(np.float32).max)


def l1_transform(strength: float) -> UpdateTransform:
    """Returns the transform before a step that adds the gradient of strength * |x|.

    At zero, where new synapses start, the gradient is zero.
    """
    line = f"gradient += x == 0.0f ? 0.0f : l1_strength_ * {SIGN};"
    reads = frozenset({"x", "gradient", "l1_strength_", SIGN})
    code = Code((line,), reads, frozenset({"gradient"}))
    return UpdateTransform(code, {"l1_strength_": strength}, (SIGN,))


def decay_transform(fraction: float) -> UpdateTransform:
    """Returns the transform after a step that subtracts a fraction of x."""
    return assignment_transform("x -= decay_ * x;", "x", set(), {"decay_": fraction})


@dataclass(frozen=True, slots=True, eq=False)
class Update:
    """Update of one learned array.

    Args:
        target: the array.
        optimiser: takes the step.
        before, after: transforms before and after the step, in addition to those of
            the optimiser.
    """

    target: Learned
    optimiser: Optimiser
    before: tuple[UpdateTransform, ...] = ()
    after: tuple[UpdateTransform, ...] = ()

    def plan(self) -> OptimiserUpdate:
        """Returns the update as backends run it."""
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
            (*self.optimiser.SLOTS, *(n for t in transforms for n in t.slots)),
            (*self.optimiser.SCALARS, *(n for t in transforms for n in t.numbers)),
            Code(
                tuple(line for code in codes for line in code.lines),
                empty.union(*(code.reads for code in codes)),
                empty.union(*(code.writes for code in codes)),
            ),
            bounded=self.optimiser.BOUNDED,
        )

    def scalars(
        self, numbers: Mapping[str, float], plan: OptimiserUpdate
    ) -> tuple[float, ...]:
        """Returns the values of the plan's scalars for a batch.

        Args:
            numbers: numbers of the optimiser for the batch.
            plan: the update as the backend runs it.

        Raises:
            ValidationError: if the optimiser has other transforms than when the plan
                was made.
        """
        values = dict(numbers)
        for step in (*self.before, *self.after):
            values |= step.numbers
        if values.keys() != set(plan.scalars):
            raise ValidationError(
                f"{self.optimiser!r}: clipping, decay or limits were switched on or "
                "off after the network was compiled. Compile it again; their numbers "
                "may be changed at any time."
            )
        return tuple(values[name] for name in plan.scalars)


def updates_of(
    network: Network,
    training: Training,
    values: PlanValues,
    positive: Mapping[Population, frozenset[str]],
) -> tuple[Update, ...]:
    """Returns the updates of all learned arrays: weights, delays, parameters.

    Parameters that have to be positive are limited to at least a time step, or to their
    initial value if that is smaller: time constants below the time step have no
    meaning.

    Args:
        network: the network.
        training: its learned arrays and their optimisers.
        values: its values.
        positive: {population: parameters that have to be positive}.
    """
    updates = []
    for c, optimiser in _in_order(network, training.weights):
        array = Learned(LearnedKind.WEIGHT, c.name)
        rewired, decay = training.rewired.get(c), training.weight_decay.get(c)
        before = () if rewired is None else (l1_transform(rewired),)
        after = () if decay is None else (decay_transform(decay),)
        updates.append(Update(array, optimiser, before, after))
    for f in training.feedback:
        if f.optimiser is not None:
            array = Learned(LearnedKind.WEIGHT, f.name)
            updates.append(
                Update(array, f.optimiser, after=(decay_transform(f.decay),))
            )
    for c, optimiser in _in_order(network, training.delays):
        array = Learned(LearnedKind.DELAY, c.name)
        longest = values.max_delays[c.name]
        updates.append(Update(array, optimiser, after=(limit_transform(0.0, longest),)))
    for (p, name), optimiser in training.parameters.items():
        if p in training.populations:
            initial = float(np.min(values.parameters[p.name][name]))
            limits = (limit_transform(min(values.dt, initial), _NO_LIMIT),)
            array = Learned(LearnedKind.PARAMETER, p.name, name)
            after = limits if name in positive[p] else ()
            updates.append(Update(array, optimiser, after=after))
    return tuple(updates)


def _in_order(
    network: Network, optimisers: Mapping[Connection, Optimiser]
) -> list[tuple[Connection, Optimiser]]:
    """Returns the items of a mapping in the order of the network's connections."""
    return [(c, optimisers[c]) for c in network.connections if c in optimisers]
