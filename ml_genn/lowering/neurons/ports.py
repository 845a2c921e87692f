"""Ports of populations: synapses with the same dynamics share their state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml_genn.connection import Connection
from ml_genn.graph.traversal import incoming
from ml_genn.initializers import Initializer
from ml_genn.neurons import InputBase
from ml_genn.population import Population
from ml_genn.synapses import Delta, Synapse


@dataclass(frozen=True, slots=True, eq=False)
class Ports:
    """Ports of a population.

    Args:
        synapses: synapse model of each port.
        of: {connection: index of its port}.
    """

    synapses: tuple[Synapse, ...]
    of: Mapping[Connection, int]


def ports_of(population: Population, synapses: Mapping[Connection, Synapse]) -> Ports:
    """Returns the ports of a population, one for each kind of synapse.

    Synapses with equal equations and parameters are linear, so one state holds their
    sum. Data of an input enter like spikes over a delta synapse.

    Args:
        population: the population.
        synapses: {connection: synapse without open arguments}.
    """
    if isinstance(population.neuron, InputBase):
        return Ports((Delta(),), {})
    port_of_kind: dict[Any, int] = {}
    models: list[Synapse] = []
    port_of: dict[Connection, int] = {}
    for connection in incoming(population):
        if connection not in synapses:
            continue
        synapse = synapses[connection]
        kind = _kind(synapse) or connection
        if kind not in port_of_kind:
            port_of_kind[kind] = len(models)
            models.append(synapse)
        port_of[connection] = port_of_kind[kind]
    return Ports(tuple(models), port_of)


def _kind(synapse: Synapse) -> Any:
    """Returns equations and parameters; None for synapses that share no state.

    Those are synapses whose parameters are sampled for each connection, and those whose
    effects do not add up.
    """
    values = {
        **synapse.parameters(),
        **{f"_{k}": v for k, v in synapse.initial().items()},
    }
    is_sampled = any(isinstance(v, Initializer | str) for v in values.values())
    if is_sampled or not synapse.ADDITIVE:
        return None
    contents = tuple((k, np.asarray(v).tobytes()) for k, v in sorted(values.items()))
    return synapse.equations(), contents
