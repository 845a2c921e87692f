"""Populations and connections behind layers, and the order of a network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from ml_genn.errors import ValidationError
from ml_genn.utils.checks import shown

if TYPE_CHECKING:
    from ml_genn.connection import Connection
    from ml_genn.population import Population


class PopulationLike(ABC):
    """A population, or a layer that stands for one."""

    @abstractmethod
    def _underlying_population(self) -> Population | None:
        """The population; None if its network is gone."""


class ConnectionLike(ABC):
    """A connection, or a layer that stands for one."""

    @abstractmethod
    def _underlying_connection(self) -> Connection | None:
        """The connection; None if its network is gone."""


PopulationType: TypeAlias = PopulationLike  #: Population, InputLayer or Layer
ConnectionType: TypeAlias = ConnectionLike  #: Connection or Layer


def get_underlying_pop(obj: Any) -> Population:
    """The population itself, or the one of a layer.

    Args:
        obj: a Population, InputLayer or Layer.

    Raises:
        ValidationError: if it is neither, or its network is gone.
    """
    if not isinstance(obj, PopulationLike):
        raise ValidationError(
            "Expected a Population, InputLayer or Layer of a network. "
            f"Received {shown(obj)}."
        )
    found = obj._underlying_population()
    if found is None:
        raise _gone(obj)
    return found


def get_underlying_conn(obj: Any) -> Connection:
    """The connection itself, or the one of a layer.

    Args:
        obj: a Connection or Layer.

    Raises:
        ValidationError: if it is neither, or its network is gone.
    """
    if not isinstance(obj, ConnectionLike):
        raise ValidationError(
            f"Expected a Connection, or a Layer that has one. Received {shown(obj)}."
        )
    found = obj._underlying_connection()
    if found is None:
        raise _gone(obj)
    return found


def _gone(obj: object) -> ValidationError:
    return ValidationError(
        f"{type(obj).__name__}: its network is gone. Keep the network for as long as "
        "its layers are used."
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
