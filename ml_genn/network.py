"""Networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Self

from ml_genn.errors import ValidationError
from ml_genn.summary import network_summary
from ml_genn.utils import context
from ml_genn.utils.checks import free_name
from ml_genn.utils.decorators import checked_default_params

if TYPE_CHECKING:
    from ml_genn.connection import Connection
    from ml_genn.population import Population

DefaultParams = Mapping[type, Mapping[str, Any]]


class Network:
    """A network of populations and connections.

    Populations and connections made inside a ``with`` block belong to it:

    >>> from ml_genn import Connection, Network, Population
    >>> from ml_genn.connectivity import Dense
    >>> with Network() as net:
    ...     first = Population("spike_input", 4)
    ...     second = Population("leaky_integrate_fire", 2)
    ...     weights = Connection(first, second, Dense(0.5))
    >>> [population.name for population in net.populations]
    ['Pop0', 'Pop1']
    >>> weights.name
    'Conn_Pop0_Pop1'

    Args:
        default_params: ``{class: {argument: value}}`` for neurons and synapses made
            inside, where an argument is not given; only objects of just that class
            look at it. Nobody has to: what is left out is chosen by the compiler, and
            `summary` shows it.

    Attributes:
        populations, connections: what has been made inside.

    Raises:
        ValidationError, UnknownNameError: if a class of ``default_params`` does not
            look at them or has no such argument.
    """

    def __init__(self, default_params: DefaultParams | None = None) -> None:
        self.populations: list[Population] = []
        self.connections: list[Connection] = []
        self.default_params = checked_default_params(
            {} if default_params is None else default_params
        )

    def __enter__(self) -> Self:
        context.enter(self)
        return self

    def __exit__(self, *_: object) -> None:
        context.leave(self)

    @staticmethod
    def current(what: str = "This") -> Network:
        """The network of the innermost ``with`` block.

        Raises:
            NetworkContextError: outside any.
        """
        return context.current(what)

    @staticmethod
    def get_default_params(type: type) -> Mapping[str, Any]:
        """Default arguments of a class in the current network; none outside one."""
        return context.default_params(type)

    def summary(self, print_fn: Callable[[str], Any] = print) -> None:
        """Prints populations, connections, weights and what is left to the compiler.

        Args:
            print_fn: called once with the text; `print` by default.
        """
        print_fn(network_summary(self))

    def _add_population(self, population: Population, name: str | None) -> None:
        taken = {p.name for p in self.populations}
        default = f"Pop{len(self.populations)}"
        population.name = _name("Population", name, default, taken)
        self.populations.append(population)

    def _connection_name(
        self, source: Population, target: Population, name: str | None
    ) -> str:
        """The name of a new connection; refuses ends that are not in the network."""
        for end, population in (("source", source), ("target", target)):
            if population not in self.populations:
                raise ValidationError(
                    f"Connection from '{source.name}' to '{target.name}': the {end} is "
                    "not part of this network. Connect populations of one network."
                )
        taken = {c.name for c in self.connections}
        return _name("Connection", name, f"Conn_{source.name}_{target.name}", taken)


def _name(what: str, name: str | None, default: str, taken: set[str]) -> str:
    """The name that was asked for, or else the default made unique."""
    if not name:
        return free_name(default, taken)
    if name in taken:
        raise ValidationError(
            f"{what}: the name '{name}' is taken. Give each {what.lower()} of a "
            "network a name of its own."
        )
    return name
