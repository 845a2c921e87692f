"""Populations that take maxima, and what is connected to them."""

from __future__ import annotations

from collections.abc import Sequence

from ml_genn.connection import Connection
from ml_genn.connectivity import MaxPool2D
from ml_genn.errors import ValidationError
from ml_genn.graph.traversal import incoming
from ml_genn.neurons import CodeNeuron, FewSpikeMaxPool, SpikingMaxPool
from ml_genn.population import Population
from ml_genn.synapses import Delta

POOLING = (SpikingMaxPool, FewSpikeMaxPool)


def check_pooling(population: Population, incoming: Sequence[Connection]) -> None:
    """Refuses maxima of what no `MaxPool2D` leads to, and `MaxPool2D` to anything else.

    Raises:
        ValidationError: if neurons and connectivity do not belong together.
    """
    pools = [c for c in incoming if isinstance(c.connectivity, MaxPool2D)]
    neuron = type(population.neuron).__name__
    if not isinstance(population.neuron, POOLING):
        if pools:
            raise ValidationError(
                f"Connection '{pools[0].name}': MaxPool2D leads to neurons that take "
                "maxima: SpikingMaxPool, or with FewSpikeCompiler FewSpikeMaxPool. "
                f"Population '{population.name}' has {neuron}."
            )
        return
    if len(incoming) != 1 or not pools or not isinstance(pools[0].synapse, Delta):
        received = ", ".join(
            f"{type(c.connectivity).__name__} with {type(c.synapse).__name__}"
            for c in incoming
        )
        raise ValidationError(
            f"Population '{population.name}' ({neuron}): its input is one connection, "
            f"MaxPool2D with a Delta synapse. Received {received}."
        )


def counting(population: Population, neuron: SpikingMaxPool) -> CodeNeuron:
    """The neuron that counts the spikes of the patches that are connected to it."""
    pixels = (
        c.connectivity.pixels
        for c in incoming(population)
        if isinstance(c.connectivity, MaxPool2D)
    )
    return neuron.counting(next(pixels))
