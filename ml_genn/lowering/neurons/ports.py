"""Synapses onto a population that behave as one are computed as one."""

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
    """Ports of a population: one per kind of synapse."""

    synapses: tuple[Synapse, ...]
    of: Mapping[Connection, int]


def ports_of(population: Population, synapses: Mapping[Connection, Synapse]) -> Ports:
    """Merges synapses with equal equations and parameters: their sum behaves so.

    The data of an input arrive as over a delta synapse.
    """
    if isinstance(population.neuron, InputBase):
        return Ports((Delta(),), {})
    kinds: dict[Any, int] = {}
    chosen: list[Synapse] = []
    of: dict[Connection, int] = {}
    for connection in incoming(population):
        if connection not in synapses:
            continue
        synapse = synapses[connection]
        key = _kind(synapse) or connection
        if key not in kinds:
            kinds[key] = len(chosen)
            chosen.append(synapse)
        of[connection] = kinds[key]
    return Ports(tuple(chosen), of)


def _kind(synapse: Synapse) -> Any:
    """What synapses that may be merged have in common; None if it may not be."""
    numbers = {
        **synapse.parameters(),
        **{f"_{k}": v for k, v in synapse.initial().items()},
    }
    drawn_anew = any(isinstance(v, Initializer | str) for v in numbers.values())
    if drawn_anew or not synapse.ADDITIVE:
        return None
    fixed = tuple((k, np.asarray(v).tobytes()) for k, v in sorted(numbers.items()))
    return synapse.equations(), fixed
