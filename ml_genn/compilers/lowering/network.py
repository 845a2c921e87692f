"""From a network to a plan and its numbers, as a list of passes.

resolve    make the choices that the user left open
ports      merge synapses onto a population that behave the same
neurons    derive each population's group from its equations
synapses   one group per connection
values     weights, delays, parameters, initial states
verify     every name is known, every reference leads somewhere
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ml_genn.compilers.lowering.neurons import neuron_group
from ml_genn.compilers.lowering.numbers import Draw, delay_of
from ml_genn.compilers.lowering.online import check_online
from ml_genn.compilers.lowering.ports import Ports, ports_of
from ml_genn.compilers.lowering.training import Training
from ml_genn.connection import Connection
from ml_genn.errors import ValidationError
from ml_genn.model.plan import (
    Learned,
    OptimiserUpdate,
    Plan,
    SynapseGroup,
    Values,
)
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
        optimisers: how each of the plan's updates is done.
    """

    plan: Plan
    values: Values
    neurons: Mapping[Population, Neuron]
    synapses: Mapping[Connection, Synapse]
    optimisers: tuple[Optimiser, ...] = ()


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
    draw = Draw(seed, dt)
    groups = tuple(
        neuron_group(p, neurons[p], ports[p], draw, training)
        for p in network.populations
    )
    connections = tuple(
        synapse_group(c, ports, draw, training) for c in network.connections
    )
    updates = updates_of(connections, training) if training else []
    values = draw.values()
    if training:
        values.loss["outputs"] = {p.name: s for p, s in training.loss_scalars.items()}
        values.loss["regularised"] = {
            p.name: s for p, s in training.regularised.items()
        }
    online = training is not None and training.online
    plan = verify(Plan(groups, connections, tuple(u for u, _ in updates), online))
    check_online(plan, values)
    return Lowered(plan, values, neurons, synapses, tuple(o for _, o in updates))


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


def synapse_group(
    connection: Connection,
    ports: Mapping[Population, Ports],
    draw: Draw,
    training: Training | None,
) -> SynapseGroup:
    """The group of a connection; its weights and delays are drawn on the way."""
    source, target = connection.ends()
    shape = (source.size, target.size)
    name = connection.name
    weight = draw.value(name, "weight", connection.connectivity.weight, shape)
    draw.weights[name] = np.broadcast_to(
        np.asarray(weight, dtype=np.float64).reshape(shape if np.ndim(weight) else ()),
        shape,
    )
    learn = training is not None and connection in training.learn
    flows = training is not None and connection in training.feed_back
    return SynapseGroup(
        name=name,
        source=source.name,
        target=target.name,
        port=ports[target].of[connection],
        delay=delay_of(connection, shape, draw),
        learn=learn,
        feed_back=flows,
    )


def updates_of(
    connections: Sequence[SynapseGroup], training: Training
) -> list[tuple[OptimiserUpdate, Optimiser]]:
    """How each learned array changes."""
    by_name = {c.name: o for c, o in training.learn.items()}
    learned = [(Learned(s.name), by_name[s.name]) for s in connections if s.learn]
    learned += [
        (Learned(p.name, name), o)
        for (p, name), o in training.parameters.items()
        if p in training.adjoint
    ]
    return [
        (OptimiserUpdate(array, o.SLOTS, o.SCALARS, o.CODE), o) for array, o in learned
    ]
