"""Populations that compute maxima, and their connections."""

from __future__ import annotations

from collections.abc import Sequence

from ml_genn.connection import Connection
from ml_genn.connectivity import MaxPool2D
from ml_genn.errors import ValidationError
from ml_genn.graph.traversal import incoming
from ml_genn.neurons import CodeNeuron, FewSpikeMaxPool, SpikingMaxPool
from ml_genn.population import Population
from ml_genn.synapses import Delta

MAX_POOL_NEURONS = (SpikingMaxPool, FewSpikeMaxPool)


def check_pooling(population: Population, connections: Sequence[Connection]) -> None:
    """Raises an error if neurons and connectivity of a pooling layer do not match.

    Args:
        population: any population.
        connections: connections that lead to it.

    Raises:
        ValidationError: for neurons that compute maxima without a `MaxPool2D`
            connection, and for `MaxPool2D` to other neurons.
    """
    pools = [c for c in connections if isinstance(c.connectivity, MaxPool2D)]
    neuron_name = type(population.neuron).__name__
    if not isinstance(population.neuron, MAX_POOL_NEURONS):
        if pools:
            raise ValidationError(
                f"Connection '{pools[0].name}': MaxPool2D leads to neurons that take "
                "maxima: SpikingMaxPool, or with FewSpikeCompiler FewSpikeMaxPool. "
                f"Population '{population.name}' has {neuron_name}."
            )
        return
    if len(connections) != 1 or not pools or not isinstance(pools[0].synapse, Delta):
        received = ", ".join(
            f"{type(c.connectivity).__name__} with {type(c.synapse).__name__}"
            for c in connections
        )
        raise ValidationError(
            f"Population '{population.name}' ({neuron_name}): its input is one "
            f"connection, MaxPool2D with a Delta synapse. Received {received}."
        )


def counting_neuron(population: Population, neuron: SpikingMaxPool) -> CodeNeuron:
    """Returns a neuron that counts input spikes per pixel of its pooling window."""
    pool_sizes = (  # pixels of the window; the neuron has one such connection
        c.connectivity.pixels
        for c in incoming(population)
        if isinstance(c.connectivity, MaxPool2D)
    )
    return neuron.counting(next(pool_sizes))
