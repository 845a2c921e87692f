"""Numbers of connections by which initializers scale weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_genn.connection import Connection
from ml_genn.dynamics.model import DynamicalModel
from ml_genn.errors import UnsupportedError
from ml_genn.graph.traversal import incoming
from ml_genn.initializers import Initializer
from ml_genn.initializers.projection import Projection, SpikeResponse
from ml_genn.initializers.value import as_value, random_generator
from ml_genn.lowering.neurons.ports import Ports
from ml_genn.model.equations.response import distance_to_threshold, spike_response
from ml_genn.neurons import Neuron
from ml_genn.synapses import Synapse

#: Samples whose mean stands for a parameter that is drawn from a distribution.
_SAMPLES = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """Neuron and ports of a population that connections lead to.

    Args:
        neuron: neuron without open arguments.
        ports: ports of the population.
    """

    neuron: Neuron
    ports: Ports


def projection_of(connection: Connection, target: Target, dt: float) -> Projection:
    """Returns the numbers of a connection by which initializers scale its weights.

    Args:
        connection: the connection.
        target: neuron and ports of its target.
        dt: time step [ms].
    """
    source, population = connection.ends()
    connectivity = connection.connectivity
    synapses = connectivity.expected(source, population)
    synapse = target.ports.synapses[target.ports.of[connection]]
    return Projection(
        name=connection.name,
        fan_in=max(1.0, connectivity.gain * synapses / population.size),
        fan_out=max(1.0, synapses / source.size),
        num_inputs=len(incoming(population)),
        response=lambda: _response(target.neuron, synapse, dt),
    )


def _response(neuron: Neuron, synapse: Synapse, dt: float) -> SpikeResponse | None:
    """Returns the response of mean parameters; None without equations or a response."""
    try:
        equations = neuron.equations(), synapse.equations()
    except UnsupportedError:  # a neuron of code strings
        return None
    values = _mean_values(neuron, equations[0]), _mean_values(synapse, equations[1])
    response = spike_response(*equations, values, dt)
    if response is None:
        return None
    threshold = distance_to_threshold(equations[0], values[0], dt)
    energy = dt * float(np.sum(response**2))
    return SpikeResponse(energy, 1.0 if threshold is None else threshold)


def _mean_values(model: DynamicalModel, equations: Any) -> dict[str, float]:
    """Returns {parameter or variable: its mean over the population}."""
    known: Mapping[str, Any] = {**model.parameters(), **model.initial()}
    names = [*equations.parameters, *(v.name for v in equations.variables)]
    return {name: _mean(name, known.get(name, 0.0)) for name in names}


def _mean(name: str, value: Any) -> float:
    checked = as_value(name, value)
    if isinstance(checked, Initializer):
        checked = checked.sample(random_generator(0, name), (_SAMPLES,))
    return float(np.mean(checked))
