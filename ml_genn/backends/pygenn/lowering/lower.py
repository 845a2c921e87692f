"""Lowering of a plan to the records of a GeNN model."""

from __future__ import annotations

from ml_genn.backends.pygenn.lowering import custom_updates
from ml_genn.backends.pygenn.lowering.neurons.population import lower_neurons
from ml_genn.backends.pygenn.lowering.records import CustomUpdate, LoweredModel
from ml_genn.backends.pygenn.lowering.synapses.population import lower_synapses
from ml_genn.model.plan import LearnedKind, Plan, PlanValues
from ml_genn.model.plan.tapes import expand


def lower(plan: Plan, values: PlanValues) -> LoweredModel:
    """Returns the records of a GeNN model that runs the plan.

    Raises:
        UnsupportedError: if GeNN has no counterpart of a part of the plan.
    """
    plan = expand(plan)
    neurons = tuple(lower_neurons(plan, values, g) for g in plan.neurons)
    synapses = tuple(lower_synapses(plan, values, s) for s in plan.synapses)
    updates: list[CustomUpdate] = []
    for population in neurons:
        updates += custom_updates.reset_neurons(population)
        updates += custom_updates.read_out(population)
    for s in synapses:
        updates += custom_updates.clear_delayed_spikes(s)
        updates += custom_updates.reset_synapses(s)
    updates += [
        custom_updates.reduce_gradient(member)
        for array in plan.learned
        if array.kind is not LearnedKind.PARAMETER
        for member in custom_updates.arrays_with_same_weights(plan, array)
    ]
    for update in plan.updates:
        updates += custom_updates.optimise(plan, values, update)
    return LoweredModel(neurons, synapses, tuple(updates))
