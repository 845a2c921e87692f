"""Networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ml_genn.errors import CheckpointError, ValidationError
from ml_genn.serialisers import Serialiser, arrays_at, as_keys, get_serialiser
from ml_genn.summary import network_summary
from ml_genn.utils import context
from ml_genn.utils.checks import free_name
from ml_genn.utils.decorators import checked_default_params
from ml_genn.utils.network_arrays import load_arrays
from ml_genn.utils.network_config import build_network, network_config

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
            look at it. None (default) leaves what is not given to the compiler;
            `summary` shows it.

    Attributes:
        populations: those that have been made inside.
        connections: likewise.

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

        Args:
            what: what the error says needs one, "This" by default.

        Raises:
            NetworkContextError: outside any.
        """
        return context.current(what)

    @staticmethod
    def get_default_params(type: type) -> Mapping[str, Any]:
        """Default arguments of a class in the current network; none outside one.

        Args:
            type: a class of neurons, synapses or the like.
        """
        return context.default_params(type)

    def summary(self, print_fn: Callable[[str], Any] = print) -> None:
        """Prints populations, connections, weights and what is left to the compiler.

        Args:
            print_fn: called once with the text; `print` by default.
        """
        print_fn(network_summary(self).text())

    def _repr_html_(self) -> str:
        """The summary, as notebooks show it."""
        return network_summary(self).html()

    def load(self, keys: Any = (), serialiser: Serialiser | str = "numpy") -> None:
        """Takes weights, delays, synapses and parameters over that were saved.

        Args:
            keys: what they were saved under, for example ``(epoch,)``; none by default.
            serialiser: a serialiser or its name, "numpy" by default.

        Raises:
            CheckpointError: if an array is missing, damaged, does not fit or belongs to
                nothing, by its name; nothing has changed then.
        """
        owners = [c.name for c in self.connections]
        owners += [p.name for p in self.populations]
        load_arrays(self, arrays_at(get_serialiser(serialiser), as_keys(keys), owners))

    def to_config(
        self, arrays: dict[tuple[str, str], np.ndarray] | None = None
    ) -> dict[str, Any]:
        """The network as plain data that can be written as JSON.

        Args:
            arrays: where arrays are put, which the data then name; None (default): they
                are written as lists.

        Raises:
            UnsupportedError: if something cannot be written, such as a lambda.
        """
        return {"class": type(self).__name__, **network_config(self, arrays)}

    @classmethod
    def from_config(
        cls,
        config: Mapping[str, Any],
        arrays: Mapping[tuple[str, str], np.ndarray] | None = None,
        custom_objects: Mapping[str, Any] | None = None,
    ) -> Self:
        """The network that `to_config` wrote.

        Args:
            config: plain data; those of a `SequentialNetwork` give one.
            arrays: arrays that it names; None (default) for none.
            custom_objects: {name: class or function} of the user's own; None (default)
                for none.

        Raises:
            CheckpointError: if the data are none of a network.
        """
        known = {c.__name__: c for c in (cls, *_subclasses(Network), Network)}
        name = config.get("class") if isinstance(config, Mapping) else None
        kind = {**known, **(custom_objects or {})}.get(str(name))
        if kind is None or not issubclass(kind, cls):
            raise CheckpointError(
                f"{cls.__name__}.from_config: expected the configuration of a "
                f"{cls.__name__}. Received that of {name!r}."
            )
        network: Self = build_network(kind, config, arrays, custom_objects)
        network._finish_config(config)
        return network

    def _finish_config(self, config: Mapping[str, Any]) -> None:
        """What else a network takes from its configuration."""

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


def _subclasses(cls: type[Network]) -> list[type[Network]]:
    direct: list[type[Network]] = cls.__subclasses__()
    return [*direct, *(inner for sub in direct for inner in _subclasses(sub))]


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
