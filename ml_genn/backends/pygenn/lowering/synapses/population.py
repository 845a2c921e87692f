"""Synapse populations: delivery of spikes, and code of the learning rule."""

from __future__ import annotations

import numpy as np

from ml_genn.backends.pygenn.backward import synapses as backward
from ml_genn.backends.pygenn.lowering.names import (
    DELAY,
    DELAY_GRADIENT,
    GRADIENT,
    WEIGHT,
    arrivals,
)
from ml_genn.backends.pygenn.lowering.records import SynapsePopulation, Variable
from ml_genn.backends.pygenn.lowering.synapses.formats import genn_format
from ml_genn.backends.pygenn.lowering.synapses.storage import (
    SynapseStorage,
    delay_steps,
)
from ml_genn.backends.pygenn.online import synapses as online
from ml_genn.model.plan import Delay, Plan, PlanValues, SynapseGroup

#: Input of every GeNN neuron, which our code never reads: for synapses that only carry
#: the loss back.
UNREAD_INPUT = "Isyn"


def lower_synapses(
    plan: Plan, values: PlanValues, s: SynapseGroup
) -> SynapsePopulation:
    """Returns the synapse population of a group."""
    population = _delivery(plan, values, s)
    if plan.online:
        return online.with_learning(plan, values, s, population)
    return backward.with_backward_pass(plan, values, s, population)


def _delivery(plan: Plan, values: PlanValues, s: SynapseGroup) -> SynapsePopulation:
    """Returns the population with all it needs to deliver spikes."""
    stored_as = genn_format(s)
    storage = stored_as.storage(plan, values, s)
    dendritic = backward.has_dendritic_delay(plan, s)
    return SynapsePopulation(
        name=s.name,
        source=s.source,
        target=s.target,
        matrix=stored_as.matrix,
        post_target=arrivals(s.port) if s.delivers else UNREAD_INPUT,
        spike_code=_spike_code(plan, values, s),
        variables=tuple(_variables(values, s, storage)),
        indices=stored_as.indices(values, s),
        convolution=stored_as.convolution,
        axonal_delay=0 if dendritic else values.delays.get(s.stored, 0),
        max_dendritic_delay=(
            backward.max_dendritic_delay(plan, values, s) if dendritic else None
        ),
    )


def _spike_code(plan: Plan, values: PlanValues, s: SynapseGroup) -> tuple[str, ...]:
    if not s.delivers:
        return ()
    weight = f"-{WEIGHT}" if s.negates else WEIGHT
    if backward.has_dendritic_delay(plan, s):
        return (f"addToPostDelay({weight}, {backward.delay_of(values, s)});",)
    return (f"addToPost({weight});",)


def _variables(
    values: PlanValues, s: SynapseGroup, storage: SynapseStorage
) -> list[Variable]:
    """Returns weights, delays and gradients; custom updates write the learned ones."""
    access = "READ_WRITE" if s.learn else "READ_ONLY"
    weights = storage.to_device(np.asarray(values.weights[s.stored], np.float32))
    variables = [Variable(WEIGHT, value=weights, access=access)]
    if s.delay is Delay.PER_SYNAPSE:
        access = "READ_WRITE" if s.learn_delay else "READ_ONLY"
        steps = storage.to_device(delay_steps(values.delays[s.stored]))
        variables.append(Variable(DELAY, "uint16_t", steps, access))
    if s.learn:
        variables.append(Variable(GRADIENT))
    if s.learn_delay:
        variables.append(Variable(DELAY_GRADIENT))
    return variables
