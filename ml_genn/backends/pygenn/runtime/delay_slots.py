"""Lengths of the delay queues of neuron populations."""

from __future__ import annotations

from ml_genn.backends.pygenn.lowering.records import LoweredModel, SynapsePopulation


def dendritic_steps(s: SynapsePopulation) -> int | None:
    """Returns how many steps a delay queue of the target holds; None for no queue."""
    if not s.history and s.max_dendritic_delay is None:
        return None
    return max(s.max_dendritic_delay or 0, s.history) + 1


def additional_steps(lowered: LoweredModel) -> dict[str, int]:
    """Returns {population: number of steps to add to `dendritic_steps`}.

    GeNN 5.4 merges the code that advances queues of populations with as many slots,
    also if one of them queues spikes and another variables only. It then clears spike
    counts of the wrong population. So such populations get different numbers of slots.

    Args:
        lowered: records of the model.
    """
    slots: dict[str, int] = {}
    for s in lowered.synapses:
        steps = dendritic_steps(s)
        if steps is not None:
            slots[s.target] = max(slots.get(s.target, 1), steps + 1)
        if s.axonal_delay:
            slots[s.source] = max(slots.get(s.source, 1), s.axonal_delay + 1)
    queue_spikes = {s.source for s in lowered.synapses if s.axonal_delay}
    spike_slots = {slots[name] for name in queue_spikes}
    additional = {}
    for name in slots.keys() - queue_spikes:
        steps = 0
        while slots[name] + steps in spike_slots:
            steps += 1
        additional[name] = steps
    return additional
