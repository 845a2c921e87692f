"""From a plan and its numbers to what PyGeNN is given."""

from __future__ import annotations

from ml_genn.backends.pygenn.lowering import custom_updates as updates
from ml_genn.backends.pygenn.lowering.neurons import lower_neurons
from ml_genn.backends.pygenn.lowering.records import Lowering, Update
from ml_genn.backends.pygenn.lowering.synapses import lower_synapses
from ml_genn.model.plan import LearnedKind, Plan, Values
from ml_genn.model.plan.tapes import expand


def lower(plan: Plan, values: Values) -> Lowering:
    """What PyGeNN is given for a plan.

    Raises:
        UnsupportedError: if a part of it has no counterpart.
    """
    plan = expand(plan)
    neurons = tuple(lower_neurons(plan, values, g) for g in plan.neurons)
    synapses = tuple(lower_synapses(plan, values, s) for s in plan.synapses)
    found: list[Update] = []
    for group in neurons:
        found += [*updates.start_of(group), *updates.finish(group)]
    for s in synapses:
        found += [*updates.emptied(s), *updates.forgotten(s)]
    found += [
        updates.reduced(member)
        for array in plan.learned
        if array.kind is not LearnedKind.PARAMETER
        for member in updates.members(plan, array)
    ]
    for update in plan.updates:
        found += updates.optimised(plan, values, update)
    return Lowering(neurons, synapses, tuple(found))
