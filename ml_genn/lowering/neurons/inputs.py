"""Neuron groups of inputs, and what their negative spikes need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ml_genn.lowering.sampling import ParameterSampler
from ml_genn.model.plan import Code, NeuronGroup, Port, StateVariable, SynapseGroup
from ml_genn.neurons import SpikeGenerator
from ml_genn.population import Population

DATA = "input"  #: variable that holds the numbers of a step
RANDOM = "gennrand_uniform"


def negative(name: str) -> str:
    """The name of the group of negative spikes, or of the synapses they go through."""
    return f"{name} (negative)"


def generator_groups(
    population: Population, neuron: SpikeGenerator
) -> tuple[NeuronGroup, ...]:
    """The group of an input's spikes, and that of its negative spikes if it has any."""
    spikes = _generator(
        population, f"{DATA} > 0.0f && ({neuron.spike_condition(DATA)})"
    )
    if not neuron.signed_spikes:
        return (spikes,)
    below = _generator(
        population, f"{DATA} < 0.0f && ({neuron.spike_condition(f'-{DATA}')})"
    )
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
    """Synapses that negative spikes go through: those of the others, negated."""
    known = {group.name for group in groups}
    found = []
    for s in synapses:
        source = negative(s.source)
        if source in known:
            name = negative(s.name)
            found.append(replace(s, name=name, source=source, negates=s.name))
            for numbers in (sampler.delays, sampler.max_delays):
                if s.name in numbers:
                    numbers[name] = numbers[s.name]
    return tuple(found)
