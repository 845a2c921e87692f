"""Populations and connections behind layers, and the order of a network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from ml_genn.errors import ValidationError

if TYPE_CHECKING:
    from ml_genn.connection import Connection
    from ml_genn.population import Population

PopulationType: TypeAlias = Any  #: Population, InputLayer or Layer
ConnectionType: TypeAlias = Any  #: Connection or Layer


def get_underlying_pop(obj: PopulationType) -> Population:
    """The population itself, or the one of a layer.

    Raises:
        ValidationError: if it is neither.
    """
    from ml_genn.population import Population
    from ml_genn.sequential import InputLayer, Layer

    if isinstance(obj, Population):
        return obj
    if isinstance(obj, InputLayer | Layer):
        found = obj.population()
        if found is not None:
            return found
    raise ValidationError(
        f"Expected a Population, InputLayer or Layer of a network. Received {obj!r}."
    )


def get_underlying_conn(obj: ConnectionType) -> Connection:
    """The connection itself, or the one of a layer.

    Raises:
        ValidationError: if it is neither.
    """
    from ml_genn.connection import Connection
    from ml_genn.sequential import Layer

    if isinstance(obj, Connection):
        return obj
    if isinstance(obj, Layer) and obj.connection is not None:
        found = obj.connection()
        if found is not None:
            return found
    raise ValidationError(
        f"Expected a Connection, or a Layer that has one. Received {obj!r}."
    )


def get_network_dag(
    inputs: PopulationType | Sequence[PopulationType],
    outputs: PopulationType | Sequence[PopulationType],
) -> list[Population]:
    """Populations from inputs to outputs, each after those that feed it.

    Connections that close a loop are left out of account.

    Raises:
        ValidationError: if an output cannot be reached.
    """
    starts = [get_underlying_pop(p) for p in _listed(inputs)]
    order: dict[Population, None] = {}

    def visit(population: Population, path: tuple[Population, ...]) -> None:
        if population in order or population in path:
            return
        for reference in population.incoming_connections:
            connection = reference()
            if connection is not None:
                visit(connection.ends()[0], (*path, population))
        order[population] = None

    for output in _listed(outputs):
        population = get_underlying_pop(output)
        visit(population, ())
        if not any(_reaches(start, population) for start in starts):
            raise ValidationError(
                f"Output '{population.name}' cannot be reached from the inputs "
                f"{[p.name for p in starts]}."
            )
    return list(order)


def _reaches(start: Population, end: Population) -> bool:
    seen, todo = {start}, [start]
    while todo:
        population = todo.pop()
        if population is end:
            return True
        for reference in population.outgoing_connections:
            connection = reference()
            if connection is not None and connection.ends()[1] not in seen:
                seen.add(connection.ends()[1])
                todo.append(connection.ends()[1])
    return False


def _listed(obj: Any) -> list[Any]:
    return list(obj) if isinstance(obj, Sequence) else [obj]
