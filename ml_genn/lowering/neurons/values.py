"""Parameters and initial states of neuron groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import is_dataclass, replace
from typing import Any

import numpy as np

from ml_genn.errors import ValidationError
from ml_genn.lowering.neurons.code_groups import derived_parameters
from ml_genn.lowering.neurons.ports import Ports
from ml_genn.lowering.sampling import ParameterSampler
from ml_genn.lowering.training import Training
from ml_genn.model.equations.system import port_name
from ml_genn.neurons import CodeNeuron, Neuron
from ml_genn.population import Population
from ml_genn.synapses import Synapse


def sample_neuron_values(
    population: Population,
    neuron: Neuron,
    ports: Ports,
    sampler: ParameterSampler,
    training: Training,
) -> frozenset[str]:
    """Samples parameters and initial states; returns the parameters that are arrays.

    Args:
        population: the population.
        neuron, ports: its neuron and ports, without open arguments.
        sampler: receives the values.
        training: parameters that the learning rule adds.

    Raises:
        ValidationError: if a sampled parameter is out of its range.
    """
    shape, name = population.shape or (), population.name
    parameters = dict(neuron.parameters())
    if population in training.populations:
        parameters |= training.rule_parameters
        parameters |= _per_neuron(population, neuron, training)
    initial = dict(neuron.initial())
    for k, synapse in enumerate(ports.synapses):
        for n, value in synapse.parameters().items():
            parameters[port_name(n, k)] = value
        for n, value in synapse.initial().items():
            initial[port_name(n, k)] = value
    sampled = {n: sampler.value(name, n, v, shape) for n, v in parameters.items()}
    _check_ranges(population, neuron, ports, sampled)
    if isinstance(neuron, CodeNeuron):
        sampled.update(derived_parameters(neuron, sampled, sampler.dt))
    sampler.parameters[name] = sampled
    sampler.initial[name] = {
        n: sampler.value(name, n, v, shape) for n, v in initial.items()
    }
    return frozenset(
        n for n, v in sampled.items() if isinstance(v, np.ndarray) and v.ndim
    )


def _per_neuron(
    population: Population, neuron: Neuron, training: Training
) -> dict[str, np.ndarray]:
    """Returns parameters given as one number that each neuron learns for itself."""
    parameters = neuron.parameters()
    return {
        name: np.broadcast_to(
            np.asarray(parameters[name], dtype=float), population.size
        )
        for p, name in training.per_neuron
        if p is population and isinstance(parameters.get(name), int | float)
    }


def _check_ranges(
    population: Population, neuron: Neuron, ports: Ports, sampled: Mapping[str, Any]
) -> None:
    """Raises an error if a sampled parameter would be refused as an argument."""
    where = f"Population '{population.name}'"
    _check_range(neuron, {n: sampled[n] for n in neuron.parameters()}, where)
    for k, synapse in enumerate(ports.synapses):
        values = {n: sampled[port_name(n, k)] for n in synapse.parameters()}
        _check_range(synapse, values, where)


def _check_range(
    model: Neuron | Synapse, values: Mapping[str, Any], where: str
) -> None:
    if not is_dataclass(model):
        return
    try:
        replace(model, **values)
    except ValidationError as error:
        raise ValidationError(f"{where}: {error}") from None
