"""Networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np

from ml_genn.config.arrays import load_arrays
from ml_genn.config.network import build_graph, graph_config
from ml_genn.errors import CheckpointError
from ml_genn.graph.decisions import forget_decisions
from ml_genn.graph.graph import Graph
from ml_genn.graph.scope import DefaultParams, default_arguments, innermost
from ml_genn.serialisers import AnySerialiser, as_keys, get_serialiser, load_snapshot
from ml_genn.summary import network_summary
from ml_genn.utils.records import shortened

__all__ = ["DefaultParams", "Network"]


class Network(Graph):
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
        default_params: ``{class: {argument: value}}``: values of arguments that the
            calls inside leave out, for neurons and synapses of exactly that class. None
            (default) leaves such arguments to the compiler; `summary` lists them.

    Attributes:
        populations: its populations, in the order in which they were made.
        connections: its connections, likewise.

    Raises:
        ValidationError, UnknownNameError: if ``default_params`` has a class that
            ignores default arguments, or an argument that its class does not have.
    """

    @staticmethod
    def current(what: str = "This") -> Network:
        """The network of the innermost ``with`` block.

        Args:
            what: subject of the error message, "This" by default.

        Raises:
            NetworkContextError: outside any block.
        """
        return innermost(Network, what)

    @staticmethod
    def get_default_params(type: type) -> Mapping[str, Any]:
        """Returns default arguments of a class in the current network.

        Args:
            type: a class of neurons, synapses or the like.

        Returns:
            {argument: value}; empty outside any ``with`` block.
        """
        return default_arguments(type)

    def summary(self, print_fn: Callable[[str], Any] = print) -> None:
        """Prints populations, connections, weights and choices with their compiler.

        Args:
            print_fn: called once with the text; `print` by default.
        """
        print_fn(network_summary(self).text())

    def _repr_html_(self) -> str:
        """The summary, as notebooks show it."""
        return network_summary(self).html()

    def reset_choices(self) -> None:
        """Opens the choices that compilers made, so that the next compiler makes them.

        The first compiler of a network decides the arguments that are left at None,
        such as ``scale_i``; later compilers, checkpoints and model files keep its
        decisions, since weights belong to them.
        """
        forget_decisions(self)

    def load(self, keys: Any = (), serialiser: AnySerialiser = "numpy") -> None:
        """Loads saved weights, delays, synapses and parameters, and their choices.

        Connections whose weights are not saved keep their own; a warning names them.

        Args:
            keys: keys under which they were saved, for example ``(epoch,)``; none by
                default.
            serialiser: a serialiser, its name or a folder, as for `Checkpoint`;
                "numpy" by default.

        Raises:
            CheckpointError: if nothing is saved, an array is damaged, does not fit or
                belongs to no population or connection, or an argument contradicts the
                choices that the weights were trained with. The network is then
                unchanged.
        """
        owners = [c.name for c in self.connections]
        owners += [p.name for p in self.populations]
        reader = get_serialiser(serialiser)
        snapshot = load_snapshot(reader, as_keys(keys), owners)
        load_arrays(self, snapshot, reader.shown(as_keys(keys)))

    def to_config(
        self, arrays: dict[tuple[str, str], np.ndarray] | None = None
    ) -> dict[str, Any]:
        """Returns the network as plain data that can be written as JSON.

        Args:
            arrays: collects the arrays, to which the data then refer; None (default) to
                write them as lists.

        Raises:
            UnsupportedError: if an object cannot be written, such as a lambda.
        """
        return {"class": type(self).__name__, **graph_config(self, arrays)}

    @classmethod
    def from_config(
        cls,
        config: Mapping[str, Any],
        arrays: Mapping[tuple[str, str], np.ndarray] | None = None,
        custom_objects: Mapping[str, Any] | None = None,
        allow_code: bool = False,
    ) -> Self:
        """Returns the network that `to_config` wrote.

        Args:
            config: plain data; the class that they name determines the class returned.
            arrays: arrays to which the data refer; None (default) for none.
            custom_objects: {name: class or function} of the user's own; None (default)
                for none.
            allow_code: True to accept code strings, which are compiled and run as
                programs; False by default. Equations need no permission.

        Raises:
            CheckpointError: if the data do not describe a network, or contain code
                strings that are not allowed; the message names the field.
        """
        known = {c.__name__: c for c in (cls, *_subclasses(Network), Network)}
        name = config.get("class") if isinstance(config, Mapping) else None
        kind = {**known, **(custom_objects or {})}.get(str(name))
        if not isinstance(kind, type) or not issubclass(kind, cls):
            raise CheckpointError(
                f"{cls.__name__}.from_config: expected the configuration of a "
                f"{cls.__name__}. Received that of {shortened(name)}."
            )
        network: Self = build_graph(kind, config, arrays, custom_objects, allow_code)
        network._finish_config(config)
        return network

    def _finish_config(self, config: Mapping[str, Any]) -> None:
        """Restores what subclasses add to the configuration."""


def _subclasses(cls: type[Network]) -> list[type[Network]]:
    direct: list[type[Network]] = cls.__subclasses__()
    return [*direct, *(inner for sub in direct for inner in _subclasses(sub))]
