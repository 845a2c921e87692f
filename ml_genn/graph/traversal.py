"""Connections of a population, and the order of populations along connections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ml_genn.errors import ValidationError
from ml_genn.graph.graph import (
    Connection,
    Population,
    PopulationType,
    get_underlying_conn,
    get_underlying_pop,
)

__all__ = [
    "get_network_dag",
    "get_underlying_conn",
    "get_underlying_pop",
    "incoming",
    "outgoing",
]


def incoming(population: Population) -> list[Connection]:
    """Returns the connections whose target a population is."""
    connections = (reference() for reference in population.incoming_connections)
    return [connection for connection in connections if connection is not None]


def outgoing(population: Population) -> list[Connection]:
    """Returns the connections whose source a population is."""
    connections = (reference() for reference in population.outgoing_connections)
    return [connection for connection in connections if connection is not None]


def get_network_dag(
    inputs: PopulationType | Sequence[PopulationType],
    outputs: PopulationType | Sequence[PopulationType],
) -> list[Population]:
    """Returns populations from inputs to outputs in topological order.

    Each population comes after the sources of its connections. Connections that close a
    loop are ignored.

    Args:
        inputs: one or several populations or layers where paths start.
        outputs: one or several populations or layers where paths end.

    Raises:
        ValidationError: if no path leads from an input to one of the outputs.
    """
    starts = [get_underlying_pop(p) for p in _as_list(inputs)]
    order: dict[Population, None] = {}

    def visit(population: Population, path: tuple[Population, ...]) -> None:
        if population in order or population in path:
            return
        for connection in incoming(population):
            visit(connection.ends()[0], (*path, population))
        order[population] = None

    for output in _as_list(outputs):
        population = get_underlying_pop(output)
        visit(population, ())
        if not any(_reaches(start, population) for start in starts):
            raise ValidationError(
                f"Output '{population.name}' cannot be reached from the inputs "
                f"{[p.name for p in starts]}."
            )
    return list(order)


def _reaches(start: Population, end: Population) -> bool:
    """True if a path of connections leads from one population to the other."""
    seen, stack = {start}, [start]
    while stack:
        population = stack.pop()
        if population is end:
            return True
        for connection in outgoing(population):
            target = connection.ends()[1]
            if target not in seen:
                seen.add(target)
                stack.append(target)
    return False


def _as_list(obj: Any) -> list[Any]:
    return list(obj) if isinstance(obj, Sequence) else [obj]
