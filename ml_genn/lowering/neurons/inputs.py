"""Neuron groups of inputs, with groups and synapses of their negative spikes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ml_genn.lowering.sampling import ParameterSampler
from ml_genn.model.plan import Code, NeuronGroup, Port, StateVariable, SynapseGroup
from ml_genn.neurons import SpikeGenerator
from ml_genn.population import Population

DATA = "input"  #: variable that holds the data of a step
RANDOM = "gennrand_uniform"


def negative(name: str) -> str:
    """Returns the name of the group of negative spikes, or of their synapses."""
    return f"{name} (negative)"


def generator_groups(
    population: Population, neuron: SpikeGenerator
) -> tuple[NeuronGroup, ...]:
    """Returns the group of an input's spikes, and of its negative spikes if signed."""
    condition = f"{DATA} > 0.0f && ({neuron.spike_condition(DATA)})"
    spikes = _generator(population, condition)
    if not neuron.signed_spikes:
        return (spikes,)
    condition = f"{DATA} < 0.0f && ({neuron.spike_condition(f'-{DATA}')})"
    below = _generator(population, condition)
    return spikes, replace(below, name=negative(population.name))


def _generator(population: Population, threshold: str) -> NeuronGroup:
    return NeuronGroup(
        name=population.name,
        size=population.size,
        variables=(StateVariable(DATA),),
        ports=(Port("data", DATA),),
        step=Code(calls=frozenset({RANDOM} if RANDOM in threshold else ())),
        threshold=threshold,
        data=population.name,
    )


def negative_synapses(
    synapses: Sequence[SynapseGroup],
    sampler: ParameterSampler,
    groups: Sequence[NeuronGroup],
) -> tuple[SynapseGroup, ...]:
    """Returns the synapses of negative spikes, which negate the others' weights.

    Args:
        synapses: synapse groups of all connections.
        sampler: holds their delays; those of the negative synapses are added.
        groups: neuron groups of all populations.
    """
    names = {group.name for group in groups}
    negated = []
    for s in synapses:
        source = negative(s.source)
        if source in names:
            name = negative(s.name)
            negated.append(replace(s, name=name, source=source, negates=s.name))
            for delays in (sampler.delays, sampler.max_delays):
                if s.name in delays:
                    delays[name] = delays[s.name]
    return tuple(negated)
