"""Networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Self

from ml_genn.errors import NetworkContextError, ValidationError

if TYPE_CHECKING:
    from ml_genn.connection import Connection
    from ml_genn.population import Population

_stack: ContextVar[tuple[Network, ...]] = ContextVar("ml_genn_networks", default=())

DefaultParams = Mapping[type, Mapping[str, Any]]


class Network:
    """A network of populations and connections.

    Populations and connections made inside a ``with`` block belong to it:

    >>> with Network() as net:
    ...     first = Population("spike_input", 4)
    ...     second = Population("leaky_integrate_fire", 2)
    ...     Connection(first, second, Dense(0.5))  # doctest: +SKIP

    Args:
        default_params: ``{class: {argument: value}}`` for objects made inside, where an
            argument is not given. Nobody has to: what is left out is chosen by the
            compiler, and `summary` shows it.

    Attributes:
        populations, connections: what has been made inside.
    """

    def __init__(self, default_params: DefaultParams | None = None) -> None:
        self.populations: list[Population] = []
        self.connections: list[Connection] = []
        self.default_params: DefaultParams = dict(default_params or {})

    def __enter__(self) -> Self:
        _stack.set((*_stack.get(), self))
        return self

    def __exit__(self, *_: object) -> None:
        stack = _stack.get()
        if not stack or stack[-1] is not self:
            raise NetworkContextError(
                "'with' blocks of networks are left in the order opposite to that in "
                "which they were entered."
            )
        _stack.set(stack[:-1])

    @staticmethod
    def current(what: str = "This") -> Network:
        """The network of the innermost ``with`` block.

        Raises:
            NetworkContextError: outside any.
        """
        stack = _stack.get()
        if not stack:
            raise NetworkContextError(
                f"{what} has to be made inside a 'with network:' block, or with "
                "add_to_model=False."
            )
        return stack[-1]

    @staticmethod
    def get_default_params(type: type) -> Mapping[str, Any]:
        """Default arguments of a class in the current network; none outside one."""
        stack = _stack.get()
        return stack[-1].default_params.get(type, {}) if stack else {}

    def summary(self, print_fn: Callable[[str], Any] = print) -> None:
        """Prints populations, connections, weights and what is left to the compiler.

        Args:
            print_fn: called once with the text; `print` by default.
        """
        from ml_genn.summary import network_summary

        print_fn(network_summary(self))

    def _add_population(self, population: Population) -> None:
        taken = {p.name for p in self.populations}
        if not population.name:
            population.name = _free(f"Pop{len(self.populations)}", taken)
        elif population.name in taken:
            raise ValidationError(
                f"Population: the name '{population.name}' is taken. Give each "
                "population of a network a name of its own."
            )
        self.populations.append(population)

    def _add_connection(self, connection: Connection) -> None:
        source, target = connection.ends()
        for population in (source, target):
            if population not in self.populations:
                raise ValidationError(
                    f"Connection from '{source.name}' to '{target.name}': population "
                    f"'{population.name}' is not part of this network."
                )
        taken = {c.name for c in self.connections}
        if not connection.name:
            connection.name = _free(f"Conn_{source.name}_{target.name}", taken)
        elif connection.name in taken:
            raise ValidationError(
                f"Connection: the name '{connection.name}' is taken. Give each "
                "connection of a network a name of its own."
            )
        self.connections.append(connection)


def _free(name: str, taken: set[str]) -> str:
    """The name, or with ``_1``, ``_2``, ... the first one that is not taken."""
    candidate, k = name, 0
    while candidate in taken:
        k += 1
        candidate = f"{name}_{k}"
    return candidate
