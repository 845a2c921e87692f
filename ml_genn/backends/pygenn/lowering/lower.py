"""Lowering of a plan to the records of a GeNN model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

from ml_genn.backends.pygenn.lowering import custom_updates
from ml_genn.backends.pygenn.lowering.neurons.population import lower_neurons
from ml_genn.backends.pygenn.lowering.records import (
    CustomUpdate,
    LoweredModel,
    NeuronPopulation,
    SynapsePopulation,
)
from ml_genn.backends.pygenn.lowering.scopes import with_unique_locals
from ml_genn.backends.pygenn.lowering.synapses.population import lower_synapses
from ml_genn.model.plan import LearnedKind, Plan, PlanValues
from ml_genn.model.plan.tapes import expand

Record = TypeVar("Record", NeuronPopulation, SynapsePopulation, CustomUpdate)


def lower(plan: Plan, values: PlanValues) -> LoweredModel:
    """Returns the records of a GeNN model that runs the plan.

    Raises:
        UnsupportedError: if GeNN has no counterpart of a part of the plan.
    """
    plan = expand(plan)  # buffers in place of tapes, which GeNN does not have
    neurons = tuple(lower_neurons(plan, values, group) for group in plan.neurons)
    synapses = tuple(lower_synapses(plan, values, group) for group in plan.synapses)
    records: list[CustomUpdate] = []
    for population in neurons:
        records += custom_updates.reset_neurons(population)
        records += custom_updates.read_out(population)
    for projection in synapses:
        records += custom_updates.clear_delayed_spikes(projection)
        records += custom_updates.reset_synapses(projection)
    # Gradients of neuron parameters are summed over the batch on the host.
    records += [
        custom_updates.reduce_gradient(member)
        for array in plan.learned
        if array.kind is not LearnedKind.PARAMETER
        for member in custom_updates.arrays_with_same_weights(plan, array)
    ]
    for optimiser_update in plan.updates:
        records += custom_updates.optimise(plan, values, optimiser_update)
    return LoweredModel(
        tuple(_with_unique_locals(n, "code") for n in neurons),
        tuple(
            _with_unique_locals(s, "spike_code", "event_code", "step_code")
            for s in synapses
        ),
        tuple(_with_unique_locals(record, "code") for record in records),
    )


def _with_unique_locals(record: Record, *codes: str) -> Record:
    """Returns a record whose code GeNN's type checker accepts.

    Args:
        record: the record.
        codes: names of its fields that hold lines of code.
    """
    lines: dict[str, Any] = {
        code: tuple(with_unique_locals("\n".join(getattr(record, code))).splitlines())
        for code in codes
    }
    return replace(record, **lines)
