"""Neuron groups: what follows from a population's equations, and its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass, replace
from typing import Any

import numpy as np

from ml_genn.errors import UnsupportedError, ValidationError, unknown_name
from ml_genn.lowering.derivation_cache import cached_derivation
from ml_genn.lowering.neurons.code_groups import code_group, derived_parameters
from ml_genn.lowering.neurons.inputs import generator_groups
from ml_genn.lowering.neurons.max_pool import counting
from ml_genn.lowering.neurons.ports import Ports
from ml_genn.lowering.sampling import ParameterSampler
from ml_genn.lowering.training import Training
from ml_genn.model.equations import NeuronEquations
from ml_genn.model.equations.expression import names
from ml_genn.model.equations.system import System, port_name, system_of
from ml_genn.model.plan import (
    Derivation,
    LearnedParameter,
    NeuronGroup,
    Readout,
    Sensitivity,
)
from ml_genn.neurons import (
    CodeNeuron,
    InputBase,
    Neuron,
    SpikeGenerator,
    SpikeInput,
    SpikingMaxPool,
)
from ml_genn.neurons.few_spike.digits import ONLY_FEW_SPIKE_COMPILER, FewSpike
from ml_genn.population import Population
from ml_genn.synapses import Synapse


def neuron_groups(
    population: Population,
    neuron: Neuron,
    ports: Ports,
    sampler: ParameterSampler,
    training: Training | None,
) -> tuple[NeuronGroup, ...]:
    """The groups of a population: one, or two if it has negative spikes."""
    if isinstance(neuron, FewSpike):
        where = f"Population '{population.name}' ({type(neuron).__name__})"
        raise UnsupportedError(f"{where}: {ONLY_FEW_SPIKE_COMPILER}")
    if isinstance(neuron, SpikeInput):
        return (NeuronGroup(population.name, population.size, events=True),)
    if isinstance(neuron, SpikeGenerator):
        groups = generator_groups(population, neuron)
    else:
        groups = (neuron_group(population, neuron, ports, sampler, training),)
    if isinstance(neuron, InputBase):
        frames = neuron.input_frames, neuron.input_frame_timesteps
        sampler.frames.update({group.name: frames for group in groups})
    return groups


def neuron_group(
    population: Population,
    neuron: Neuron,
    ports: Ports,
    sampler: ParameterSampler,
    training: Training | None,
) -> NeuronGroup:
    """The group of a population; its numbers are drawn on the way."""
    where = f"Population '{population.name}' ({type(neuron).__name__})"
    adjoint = training is not None and population in training.adjoint
    equations = tuple(s.equations() for s in ports.synapses)
    if isinstance(neuron, SpikingMaxPool) and not adjoint:
        neuron = counting(population, neuron)
    if isinstance(neuron, CodeNeuron):
        if adjoint:
            neuron.equations()
        group = code_group(population, neuron, equations, where)
    else:
        rule = training.rule if training and adjoint else None
        learned = training.parameters_of(population) if training and rule else ()
        neuron_equations = neuron.equations()
        if training and adjoint:
            neuron_equations = training.equations(neuron_equations)
        system = system_of(neuron_equations, equations)
        _check_learned(system, learned, where)
        found = cached_derivation(system, where, rule, learned)
        group = _equation_group(population, neuron_equations, found)
        if isinstance(neuron, InputBase):
            group = replace(group, data=population.name)
    if neuron.readout is not None:
        group = replace(group, readout=_readout(neuron, group, where))
    extra: Mapping[str, Any] = {}
    if training and adjoint:
        extra = {**training.rule_parameters, **_spread(population, neuron, training)}
    arrays = _neuron_values(population, neuron, ports, sampler, extra)
    if training:
        group = replace(
            group,
            loss=training.losses.get(population),
            regularised=population in training.regularised,
            learned=tuple(
                LearnedParameter(n, shared=n not in arrays)
                for n in training.parameters_of(population)
            ),
        )
    return replace(
        group,
        constants=tuple(
            replace(c, per_neuron=bool(names(c.expression) & arrays))
            for c in group.constants
        ),
    )


def _neuron_values(
    population: Population,
    neuron: Neuron,
    ports: Ports,
    sampler: ParameterSampler,
    extra: Mapping[str, Any],
) -> frozenset[str]:
    """Draws parameters and initial states; returns parameters that are arrays."""
    shape, name = population.shape or (), population.name
    parameters = {**neuron.parameters(), **extra}
    initial = dict(neuron.initial())
    for k, synapse in enumerate(ports.synapses):
        for target, given in (
            (parameters, synapse.parameters()),
            (initial, synapse.initial()),
        ):
            target.update({port_name(n, k): v for n, v in given.items()})
    drawn_parameters = {
        n: sampler.value(name, n, v, shape) for n, v in parameters.items()
    }
    where = f"Population '{name}'"
    own = {n: drawn_parameters[n] for n in neuron.parameters()}
    _check_drawn(neuron, own, where)
    for k, synapse in enumerate(ports.synapses):
        own = {n: drawn_parameters[port_name(n, k)] for n in synapse.parameters()}
        _check_drawn(synapse, own, where)
    if isinstance(neuron, CodeNeuron):
        drawn_parameters.update(
            derived_parameters(neuron, drawn_parameters, sampler.dt)
        )
    sampler.parameters[name] = drawn_parameters
    sampler.initial[name] = {
        n: sampler.value(name, n, v, shape) for n, v in initial.items()
    }
    return frozenset(
        n for n, v in drawn_parameters.items() if isinstance(v, np.ndarray) and v.ndim
    )


def _check_drawn(part: Neuron | Synapse, values: Mapping[str, Any], where: str) -> None:
    """Refuses drawn parameters that would be refused if they were given."""
    if not is_dataclass(part):
        return
    try:
        replace(part, **values)
    except ValidationError as error:
        raise ValidationError(f"{where}: {error}") from None


def _equation_group(
    population: Population, equations: NeuronEquations, found: Derivation
) -> NeuronGroup:
    at_spikes = found.reset.reads
    if found.adjoint:
        at_spikes |= found.adjoint.record.reads
        if found.adjoint.surrogate:
            at_spikes |= found.adjoint.surrogate.record.reads
    return NeuronGroup(
        name=population.name,
        size=population.size,
        variables=found.variables,
        constants=found.constants,
        ports=found.ports,
        output=equations.output,
        step=found.step,
        threshold=found.threshold,
        reset=found.reset,
        saved_locals=("Isyn",) if "Isyn" in at_spikes else (),
        adjoint=found.adjoint,
    )


def _readout(neuron: Neuron, group: NeuronGroup, where: str) -> Readout:
    plan: Readout = neuron.readout.PLAN
    name = type(neuron.readout).__name__
    if plan.sensitivity is Sensitivity.VARIABLE:
        if group.output is None:
            raise ValidationError(
                f"{where}: readout {name} needs an output variable, which the neuron "
                "does not have."
            )
    elif group.threshold is None:
        raise ValidationError(
            f"{where}: readout {name} counts spikes, but this neuron never spikes. Use "
            "a readout of its variable, such as avg_var."
        )
    return plan


def _spread(
    population: Population, neuron: Neuron, training: Training
) -> dict[str, np.ndarray]:
    """Parameters that get a value for each neuron, so that each learns its own."""
    given = neuron.parameters()
    return {
        name: np.broadcast_to(np.asarray(given[name], dtype=float), population.size)
        for p, name in training.spread
        if p is population and isinstance(given.get(name), int | float)
    }


def _check_learned(system: System, learned: Sequence[str], where: str) -> None:
    known = [
        *system.neuron.parameters,
        *(n for p in system.ports for n in p.parameters),
    ]
    for name in learned:
        if name not in known:
            raise unknown_name("parameter", name, known, where=where)
