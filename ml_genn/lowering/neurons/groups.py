"""Neuron groups of populations, from equations, code or data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ml_genn.errors import UnsupportedError, ValidationError, unknown_name
from ml_genn.lowering.derivation_cache import cached_derivation
from ml_genn.lowering.neurons.code_groups import code_group
from ml_genn.lowering.neurons.inputs import generator_groups
from ml_genn.lowering.neurons.max_pool import counting_neuron
from ml_genn.lowering.neurons.ports import Ports
from ml_genn.lowering.neurons.values import sample_neuron_values
from ml_genn.lowering.sampling import ParameterSampler
from ml_genn.lowering.training import Training
from ml_genn.model.equations import INPUT, NeuronEquations, SynapseEquations
from ml_genn.model.equations.expression import names
from ml_genn.model.equations.system import System, system_of
from ml_genn.model.plan import (
    WINDOW_CONSTANTS,
    Constant,
    Derivation,
    LearnedParameter,
    NeuronGroup,
    Readout,
    Sensitivity,
)
from ml_genn.model.spike_gradients import SpikeGradient
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


def neuron_groups(
    population: Population,
    neuron: Neuron,
    ports: Ports,
    sampler: ParameterSampler,
    training: Training,
) -> tuple[NeuronGroup, ...]:
    """Returns the groups of a population: one, or two if it has negative spikes.

    Args:
        population: the population.
        neuron, ports: its neuron and ports, without open arguments.
        sampler: receives the group's parameters and initial states.
        training: parts of the network that are trained.

    Raises:
        UnsupportedError: for neurons of other compilers, and if the learning rule has
            no gradient for the equations.
        ValidationError: if a parameter is out of its range, or a readout does not match
            the neuron.
    """
    if isinstance(neuron, FewSpike):
        where = f"Population '{population.name}' ({type(neuron).__name__})"
        raise UnsupportedError(f"{where}: {ONLY_FEW_SPIKE_COMPILER}")
    if isinstance(neuron, SpikeInput):
        return (NeuronGroup(population.name, population.size, events=True),)
    if isinstance(neuron, SpikeGenerator):
        groups = generator_groups(population, neuron)
    else:
        groups = (_neuron_group(population, neuron, ports, sampler, training),)
    if isinstance(neuron, InputBase):
        frames = neuron.input_frames, neuron.input_frame_timesteps
        sampler.frames.update({group.name: frames for group in groups})
    return groups


def _neuron_group(
    population: Population,
    neuron: Neuron,
    ports: Ports,
    sampler: ParameterSampler,
    training: Training,
) -> NeuronGroup:
    """Returns the group of a population with state, its values sampled."""
    where = f"Population '{population.name}' ({type(neuron).__name__})"
    trained = population in training.populations
    synapses = tuple(s.equations() for s in ports.synapses)
    if isinstance(neuron, SpikingMaxPool) and not trained:
        neuron = counting_neuron(population, neuron)
    if isinstance(neuron, CodeNeuron) and not trained:
        group = code_group(population, neuron, synapses, where)
    else:  # for a code neuron, equations() says that it cannot be trained
        equations = neuron.equations()
        group = _equation_group(population, equations, synapses, training, where)
    if isinstance(neuron, InputBase):
        group = replace(group, data=population.name)
    arrays = sample_neuron_values(population, neuron, ports, sampler, training)
    if neuron.readout is not None:
        group = replace(group, readout=_readout(neuron, group, where))
        group = _with_window(neuron.readout, group, sampler)
    return replace(
        group,
        loss=training.losses.get(population),
        regularised=population in training.rate_regularisation,
        learned=tuple(
            LearnedParameter(n, shared=n not in arrays)
            for n in training.parameters_of(population)
        ),
        constants=tuple(
            replace(c, per_neuron=bool(names(c.expression) & arrays))
            for c in group.constants
        ),
    )


def _equation_group(
    population: Population,
    equations: NeuronEquations,
    synapses: tuple[SynapseEquations, ...],
    training: Training,
    where: str,
) -> NeuronGroup:
    """Returns the group that is derived from a population's equations."""
    gradient: SpikeGradient | None = None
    learned: tuple[str, ...] = ()
    if population in training.populations:
        gradient = training.spike_gradient
        learned = training.parameters_of(population)
        equations = training.extended_equations(equations)
    system = system_of(equations, synapses)
    _check_learned(system, learned, where)
    derivation = cached_derivation(system, where, gradient, learned)
    return NeuronGroup(
        name=population.name,
        size=population.size,
        variables=derivation.variables,
        constants=derivation.constants,
        ports=derivation.ports,
        output=equations.output,
        step=derivation.step,
        threshold=derivation.threshold,
        reset=derivation.reset,
        saved_locals=(INPUT,) if INPUT in _read_at_spikes(derivation) else (),
        adjoint=derivation.adjoint,
    )


def _read_at_spikes(derivation: Derivation) -> frozenset[str]:
    """Returns the names that code at spikes reads."""
    reads = derivation.reset.reads
    if derivation.adjoint:
        reads |= derivation.adjoint.record.reads
        if derivation.adjoint.surrogate:
            reads |= derivation.adjoint.surrogate.record.reads
    return reads


def _check_learned(system: System, learned: Sequence[str], where: str) -> None:
    """Raises UnknownNameError if a learned parameter is not one of the system's."""
    known = [
        *system.neuron.parameters,
        *(n for p in system.ports for n in p.parameters),
    ]
    for name in learned:
        if name not in known:
            raise unknown_name("parameter", name, known, where=where)


def _readout(neuron: Neuron, group: NeuronGroup, where: str) -> Readout:
    """Returns the readout of a neuron; raises ValidationError if it reads nothing."""
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


def _with_window(
    readout: Any, group: NeuronGroup, sampler: ParameterSampler
) -> NeuronGroup:
    """Returns a group whose readout sees its window; samples the window's limits."""
    if readout.window is None or group.readout is None:
        return group
    steps = readout.steps(sampler.num_steps, sampler.dt)
    limits = zip(WINDOW_CONSTANTS, (float(steps.start), float(steps.stop)), strict=True)
    sampler.parameters[group.name].update(limits)
    constants = tuple(Constant(name, name) for name in WINDOW_CONSTANTS)
    return replace(
        group,
        readout=group.readout.in_window(),
        constants=(*group.constants, *constants),
    )
