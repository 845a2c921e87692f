"""Lowering of a network to a plan and its values, in passes.

1. Choices that the user left open get the values that the network keeps from an
   earlier compiler, or else those of the learning rule.
2. Synapses with the same dynamics become ports of their target.
3. Each population becomes a neuron group, derived from its equations.
4. Each connection becomes a synapse group.
5. Learned arrays get their updates.
6. The plan is verified.

Weights, delays, parameters and initial states are sampled on the way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ml_genn.connection import Connection
from ml_genn.errors import ValidationError
from ml_genn.graph.decisions import Decisions
from ml_genn.lowering.choices import decide
from ml_genn.lowering.constants import check_constants
from ml_genn.lowering.neurons.groups import neuron_groups
from ml_genn.lowering.neurons.inputs import negative_synapses
from ml_genn.lowering.neurons.max_pool import check_pooling
from ml_genn.lowering.neurons.ports import Ports, ports_of
from ml_genn.lowering.online import check_online
from ml_genn.lowering.projections import Target
from ml_genn.lowering.sampling import ParameterSampler
from ml_genn.lowering.synapses import feedback_group, synapse_group
from ml_genn.lowering.training import INFERENCE, Training
from ml_genn.lowering.updates import Update, updates_of
from ml_genn.model.equations.system import port_name
from ml_genn.model.plan import Plan, PlanValues
from ml_genn.model.spike_gradients import ExactGradient
from ml_genn.model.verification import verify
from ml_genn.network import Network
from ml_genn.neurons import Input, Neuron
from ml_genn.population import Population
from ml_genn.synapses import Synapse
from ml_genn.utils.checks import LARGEST_INT32, shown
from ml_genn.utils.choices import Choices, resolved


@dataclass(frozen=True, slots=True, eq=False)
class Lowered:
    """A network as backends run it.

    Args:
        plan: structure.
        values: numbers.
        neurons: {population: neuron without open arguments}.
        synapses: {connection: synapse without open arguments}.
        updates: updates of learned arrays, in the order of the plan.
        decisions: values of choices, and the compiler that made them.
    """

    plan: Plan
    values: PlanValues
    neurons: Mapping[Population, Neuron]
    synapses: Mapping[Connection, Synapse]
    updates: tuple[Update, ...] = ()
    decisions: Decisions = field(default_factory=Decisions)


def lower(
    network: Network,
    *,
    dt: float,
    seed: int,
    choices: Choices,
    training: Training = INFERENCE,
    compiler: str = "lower",
    num_steps: int = LARGEST_INT32,
) -> Lowered:
    """Lowers a network to a plan and its values.

    Args:
        network: the network; it is not changed.
        dt: time step [ms].
        seed: seed of all samples.
        choices: {class: {argument: value}} for arguments that are left open by the user
            and by earlier compilers.
        training: parts of the network that are trained; none by default.
        compiler: class of the compiler, for messages; the name of this function by
            default.
        num_steps: time steps of an example, which windows of readouts lie in; no limit
            by default.

    Raises:
        ValidationError, UnsupportedError: if the network cannot run or be trained.
    """
    check_network(network)
    decisions = decide(network, choices, compiler, dt)
    neurons = {p: resolved(p.neuron, decisions.of(p)) for p in network.populations}
    synapses = {c: resolved(c.synapse, decisions.of(c)) for c in network.connections}
    ports = {p: ports_of(p, synapses) for p in network.populations}
    sampler = ParameterSampler(seed, dt, num_steps)
    groups = tuple(
        group
        for p in network.populations
        for group in neuron_groups(p, neurons[p], ports[p], sampler, training)
    )
    targets = {p: Target(neurons[p], ports[p]) for p in network.populations}
    connections = tuple(
        synapse_group(c, targets, sampler, training) for c in network.connections
    )
    connections += negative_synapses(connections, sampler, groups)
    connections += tuple(feedback_group(f, sampler) for f in training.feedback)
    values = sampler.values()
    values.loss_scalars.update(
        {p.name: scalars for p, scalars in training.loss_scalars.items()}
    )
    values.rate_regularisation.update(
        {p.name: r for p, r in training.rate_regularisation.items()}
    )
    positive = {p: _positive(neurons[p], ports[p]) for p in network.populations}
    updates = updates_of(network, training, values, positive)
    gradient = training.spike_gradient
    plan = Plan(
        groups,
        connections,
        tuple(update.plan() for update in updates),
        online=training.online,
        learning_rule="" if gradient is None else repr(gradient),
    )
    verify(plan, values)
    for group in groups:
        exact = isinstance(gradient, ExactGradient)
        check_constants(group, values, exact=exact)
    check_online(plan, values)
    return Lowered(plan, values, neurons, synapses, updates, decisions)


def check_network(network: Network) -> None:
    """Raises an error if a network cannot run.

    Raises:
        ValidationError: if it is empty, or a population has no shape or no input.
    """
    if not isinstance(network, Network):
        raise ValidationError(
            f"compile: expected a Network. Received {shown(network)}."
        )
    if not network.populations:
        raise ValidationError("compile: the network has no populations.")
    for population in network.populations:
        if population.shape is None:
            raise ValidationError(
                f"Population '{population.name}' has no shape. Give one, or connect it "
                "with connectivity that determines it, such as Dense with an array."
            )
        is_input = isinstance(population.neuron, Input)
        incoming = [c for c in network.connections if c.ends()[1] is population]
        if not is_input and not incoming:
            raise ValidationError(
                f"Population '{population.name}' has no input. Connect something to "
                "it, or make it an input such as SpikeInput."
            )
        if is_input and incoming:
            raise ValidationError(
                f"Population '{population.name}' is an input: nothing can be connected "
                "to it."
            )
        check_pooling(population, incoming)


def _positive(neuron: Neuron, ports: Ports) -> frozenset[str]:
    """Returns the parameters of a population that have to be positive."""
    return neuron.positive().union(
        *(
            {port_name(name, k) for name in synapse.positive()}
            for k, synapse in enumerate(ports.synapses)
        )
    )
