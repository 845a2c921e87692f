"""Synapse groups of connections and of feedback weights."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ml_genn.connection import Connection
from ml_genn.errors import UnsupportedError, ValidationError
from ml_genn.initializers.value import random_generator
from ml_genn.lowering.projections import Target
from ml_genn.lowering.sampling import ParameterSampler
from ml_genn.lowering.training import Feedback, Training
from ml_genn.model.plan import Delay, SynapseGroup
from ml_genn.population import Population


def synapse_group(
    connection: Connection,
    targets: Mapping[Population, Target],
    sampler: ParameterSampler,
    training: Training,
) -> SynapseGroup:
    """Returns the group of a connection, with weights and delays sampled.

    Args:
        connection: the connection.
        targets: {population: its neuron and its ports}.
        sampler: receives weights, delays and indices.
        training: parts of the network that are trained.

    Raises:
        UnsupportedError, ValidationError: if Deep-R cannot rewire the connection, or a
            value is out of its range.
    """
    source, target = connection.ends()
    name, connectivity = connection.name, connection.connectivity
    storage = sampler.sample_format(connection)
    num_synapses = len(sampler.indices[name][0]) if storage.has_pairs else 0
    shape = storage.weights_shape(source.size, target.size, num_synapses)
    weight = sampler.weights_of(connection, targets[target], shape)
    sampler.weights[name] = connectivity.gain * np.broadcast_to(
        np.asarray(weight, dtype=np.float64).reshape(shape if np.ndim(weight) else ()),
        shape,
    )
    learn_delay = connection in training.delays
    group = SynapseGroup(
        name=name,
        source=source.name,
        target=target.name,
        port=targets[target].ports.of[connection],
        format=storage,
        delay=sampler.sample_delay(connection, shape, learn_delay),
        learn=connection in training.weights,
        learn_delay=learn_delay,
        backpropagates=connection in training.backprop_connections,
        rewired=connection in training.rewired,
        self_connections=source is not target or connectivity.allow_self_connections,
    )
    if group.rewired:
        _check_rewired(group)
    return group


def feedback_group(feedback: Feedback, sampler: ParameterSampler) -> SynapseGroup:
    """Returns the group of feedback weights.

    Weights are sampled from a normal distribution with standard deviation
    1 / sqrt(hidden neurons).

    Args:
        feedback: the populations and how the weights learn.
        sampler: receives the weights.
    """
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
    """Raises an error for connections that Deep-R cannot rewire."""
    where = f"Connection '{group.name}'"
    if not group.format.can_rewire:
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
