"""From a network to a plan and its numbers, as a list of passes.

resolve    make the choices that the user left open
ports      merge synapses onto a population that behave the same
neurons    derive each population's group from its equations
synapses   one group per connection
values     weights, delays, parameters, initial states
verify     every name is known, every reference leads somewhere
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ml_genn.connection import Connection
from ml_genn.errors import UnsupportedError, ValidationError
from ml_genn.initializers.value import random_generator
from ml_genn.lowering.neurons.groups import neuron_groups
from ml_genn.lowering.neurons.inputs import negative_synapses
from ml_genn.lowering.neurons.max_pool import check_pooling
from ml_genn.lowering.neurons.ports import Ports, ports_of
from ml_genn.lowering.online import check_online
from ml_genn.lowering.sampling import ParameterSampler, delay_of
from ml_genn.lowering.training import Feedback, Training
from ml_genn.lowering.updates import Update, decayed, limited, shrunk
from ml_genn.model.equations.system import port_name
from ml_genn.model.plan import (
    Delay,
    Format,
    Learned,
    LearnedKind,
    Plan,
    SynapseGroup,
    Values,
)
from ml_genn.model.plan.kernel import Kernel
from ml_genn.model.verify import verify
from ml_genn.network import Network
from ml_genn.neurons import Input, Neuron
from ml_genn.optimisers import Optimiser
from ml_genn.population import Population
from ml_genn.synapses import Synapse
from ml_genn.utils.choices import Choices, resolved


@dataclass(frozen=True, slots=True, eq=False)
class Lowered:
    """A network as a backend takes it.

    Args:
        plan: structure.
        values: numbers.
        neurons: {population: neuron with every choice made}.
        synapses: {connection: synapse with every choice made}.
        updates: how each learned array changes, in the order of the plan.
    """

    plan: Plan
    values: Values
    neurons: Mapping[Population, Neuron]
    synapses: Mapping[Connection, Synapse]
    updates: tuple[Update, ...] = ()


def lower(
    network: Network,
    *,
    dt: float,
    seed: int,
    choices: Choices,
    training: Training | None = None,
) -> Lowered:
    """Lowers a network.

    Args:
        network: the network; it is not changed.
        dt: time step [ms].
        seed: seed of what is drawn from initializers.
        choices: the compiler's choices for arguments that the user left open.
        training: what is learned and how; None for inference.
    """
    check_network(network)
    neurons = {p: resolved(p.neuron, choices) for p in network.populations}
    synapses = {c: resolved(c.synapse, choices) for c in network.connections}
    ports = {p: ports_of(p, synapses) for p in network.populations}
    sampler = ParameterSampler(seed, dt)
    groups = tuple(
        group
        for p in network.populations
        for group in neuron_groups(p, neurons[p], ports[p], sampler, training)
    )
    connections = tuple(
        synapse_group(c, ports, sampler, training) for c in network.connections
    )
    connections += negative_synapses(connections, sampler, groups)
    if training:
        connections += tuple(feedback_group(f, sampler) for f in training.feedback)
    values = sampler.values()
    positive = {p: _positive(neurons[p], ports[p]) for p in network.populations}
    updates = updates_of(network, training, values, positive) if training else ()
    if training:
        values.loss["outputs"] = {p.name: s for p, s in training.loss_scalars.items()}
        values.loss["regularised"] = {
            p.name: s for p, s in training.regularised.items()
        }
    plan = verify(
        Plan(
            groups,
            connections,
            tuple(u.plan() for u in updates),
            online=training is not None and training.online,
            learning_rule=repr(training.rule) if training else "",
        )
    )
    check_online(plan, values)
    return Lowered(plan, values, neurons, synapses, updates)


def check_network(network: Network) -> None:
    """Refuses a network that cannot be run.

    Raises:
        ValidationError: if it is empty, a population has no shape or no input.
    """
    if not isinstance(network, Network):
        raise ValidationError(f"compile: expected a Network. Received {network!r}.")
    if not network.populations:
        raise ValidationError("compile: the network has no populations.")
    for population in network.populations:
        if population.shape is None:
            raise ValidationError(
                f"Population '{population.name}' has no shape. Give one, or connect it "
                "with connectivity that determines it, such as Dense with an array."
            )
        is_input = isinstance(population.neuron, Input)
        own = [c for c in network.connections if c.ends()[1] is population]
        if not is_input and not own:
            raise ValidationError(
                f"Population '{population.name}' has no input. Connect something to "
                "it, or make it an input such as SpikeInput."
            )
        if is_input and own:
            raise ValidationError(
                f"Population '{population.name}' is an input: nothing can be connected "
                "to it."
            )
        check_pooling(population, own)


def synapse_group(
    connection: Connection,
    ports: Mapping[Population, Ports],
    sampler: ParameterSampler,
    training: Training | None,
) -> SynapseGroup:
    """The group of a connection; its synapses' numbers are drawn on the way."""
    source, target = connection.ends()
    name, connectivity = connection.name, connection.connectivity
    kernel = connectivity.kernel(source, target)
    shape = kernel.shape if kernel else sampler.synapses(connection)
    weight = sampler.value(name, "weight", connectivity.weight, shape)
    sampler.weights[name] = connectivity.gain * np.broadcast_to(
        np.asarray(weight, dtype=np.float64).reshape(shape if np.ndim(weight) else ()),
        shape,
    )
    learn_delay = training is not None and connection in training.delays
    rewired = training is not None and connection in training.rewired
    group = SynapseGroup(
        name=name,
        source=source.name,
        target=target.name,
        port=ports[target].of[connection],
        format=_format(name, kernel, sampler),
        delay=delay_of(connection, shape, sampler, learn_delay),
        learn=training is not None and connection in training.learn,
        learn_delay=learn_delay,
        backpropagates=training is not None
        and connection in training.backprop_connections,
        rewired=rewired,
        self_connections=source is not target or connectivity.allow_self_connections,
        kernel=kernel,
    )
    if rewired:
        _check_rewired(group)
    return group


def _format(name: str, kernel: Kernel | None, sampler: ParameterSampler) -> Format:
    if kernel is not None:
        return Format.KERNEL
    return Format.SPARSE if name in sampler.indices else Format.DENSE


def feedback_group(feedback: Feedback, sampler: ParameterSampler) -> SynapseGroup:
    """The group of feedback weights; they are drawn as large as weights usually are."""
    shape = feedback.hidden.size, feedback.output.size
    rng = random_generator(sampler.seed, feedback.name, "weight")
    sampler.weights[feedback.name] = rng.normal(0.0, shape[0] ** -0.5, shape)
    return SynapseGroup(
        name=feedback.name,
        source=feedback.hidden.name,
        target=feedback.output.name,
        port=0,
        delivers=False,
        learn=feedback.optimiser is not None,
        backpropagates=True,
    )


def _check_rewired(group: SynapseGroup) -> None:
    """Refuses connections that Deep-R cannot rewire."""
    where = f"Connection '{group.name}'"
    if group.format is not Format.SPARSE:
        raise UnsupportedError(
            f"{where}: Deep-R moves synapses, but this connection has all of them, or "
            "they share weights. Use FixedProbability or Sparse connectivity."
        )
    if group.delay is Delay.PER_SYNAPSE:
        raise UnsupportedError(
            f"{where}: Deep-R moves synapses, whose delays would not move with them. "
            "Give all synapses the same delay."
        )
    if not group.learn:
        raise ValidationError(
            f"{where}: Deep-R needs its weights to be learned, since a weight that "
            "changes sign is what is rewired."
        )


def updates_of(
    network: Network,
    training: Training,
    values: Values,
    positive: Mapping[Population, frozenset[str]],
) -> tuple[Update, ...]:
    """How each learned array changes: weights, then delays, then parameters.

    Parameters that have to be positive stay at least a time step, or what they were:
    time constants below the time step have no meaning.
    """
    updates = []
    for c, optimiser in _in_order(network, training.learn):
        array = Learned(LearnedKind.WEIGHT, c.name)
        l1 = [shrunk(training.rewired[c])] if c in training.rewired else []
        decay = [decayed(training.decay[c])] if c in training.decay else []
        updates.append(Update(array, optimiser, tuple(l1), tuple(decay)))
    for f in training.feedback:
        if f.optimiser is not None:
            array = Learned(LearnedKind.WEIGHT, f.name)
            updates.append(Update(array, f.optimiser, after=(decayed(f.decay),)))
    for c, optimiser in _in_order(network, training.delays):
        array = Learned(LearnedKind.DELAY, c.name)
        after = [limited(0.0, values.max_delays[c.name])]
        updates.append(Update(array, optimiser, after=tuple(after)))
    for (p, name), optimiser in training.parameters.items():
        if p in training.adjoint:
            least = min(values.dt, float(np.min(values.parameters[p.name][name])))
            after = [limited(least, _LARGEST)] if name in positive[p] else []
            array = Learned(LearnedKind.PARAMETER, p.name, name)
            updates.append(Update(array, optimiser, after=tuple(after)))
    return tuple(updates)


def _in_order(
    network: Network, chosen: Mapping[Connection, Optimiser]
) -> list[tuple[Connection, Optimiser]]:
    return [(c, chosen[c]) for c in network.connections if c in chosen]


_LARGEST = float(np.finfo(np.float32).max)


def _positive(neuron: Neuron, ports: Ports) -> frozenset[str]:
    """Parameters of a population that have to be above zero."""
    return neuron.positive().union(
        *(
            {port_name(name, k) for name in synapse.positive()}
            for k, synapse in enumerate(ports.synapses)
        )
    )
