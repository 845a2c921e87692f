"""Populations, connections, and graphs of them.

The classes refer to each other (a population lists its connections, a connection knows
both populations), so they are defined in one module.
"""

from __future__ import annotations

import weakref
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias
from weakref import ReferenceType

from ml_genn.connectivity import Connectivity
from ml_genn.errors import ValidationError
from ml_genn.graph.copying import NetworkObject, WeakLinks
from ml_genn.graph.default_params import checked_default_params
from ml_genn.graph.node import Node
from ml_genn.graph.scope import DefaultParams, Scope, innermost
from ml_genn.neurons import CodeNeuron, Neuron, default_neurons
from ml_genn.synapses import Synapse, default_synapses
from ml_genn.utils.checks import flag, free_name, shown, text_name, whole
from ml_genn.utils.checks import shape as checked_shape
from ml_genn.utils.choices import Decision
from ml_genn.utils.module import get_object
from ml_genn.utils.synonyms import AnswersSynonyms

Shape = int | Sequence[int] | None


class PopulationLike(AnswersSynonyms, ABC):
    """A population, or a layer that contains one."""

    @abstractmethod
    def _underlying_population(self) -> Population | None:
        """The population; None if its network no longer exists."""


class ConnectionLike(AnswersSynonyms, ABC):
    """A connection, or a layer that contains one."""

    @abstractmethod
    def _underlying_connection(self) -> Connection | None:
        """The connection; None if its network no longer exists."""


PopulationType: TypeAlias = PopulationLike  #: Population, InputLayer or Layer
ConnectionType: TypeAlias = ConnectionLike  #: Connection or Layer


class Population(NetworkObject, Node, PopulationLike):
    """Neurons that share a model.

    Args:
        neuron: a neuron, its name (for example "leaky_integrate_fire"), or a dictionary
            of code strings in PyGeNN's syntax.
        shape: number of neurons, or shape in row-major order; None (default) to derive
            it from the connectivity.
        record_spikes: True if `SpikeRecorder` may record its spikes; False by default.
        record_spike_events: True if `SpikeRecorder` may record the negative spikes of
            an input with signed spikes; False by default.
        name: a unique name; None (default) for ``Pop<n>``.
        add_to_model: True (default) to add it to the network of the current ``with``
            block.

    Attributes:
        decisions: {argument of the neuron: `Decision`} of the choices that the user
            leaves to the compiler; empty until the network is compiled.

    Raises:
        NetworkContextError: outside a ``with network:`` block.
        ValidationError: if the shape is not one.
    """

    def __init__(
        self,
        neuron: Neuron | str | Mapping[str, Any],
        shape: Shape = None,
        record_spikes: bool = False,
        record_spike_events: bool = False,
        name: str | None = None,
        add_to_model: bool = True,
    ) -> None:
        self.neuron = neuron
        self.decisions: Mapping[str, Decision] = {}
        own_shape = None if shape is None else checked_shape("Population: shape", shape)
        super().__init__(text_name("Population", name) or "", own_shape)
        self.record_spikes = flag("Population: record_spikes", record_spikes)
        self.record_spike_events = flag(
            "Population: record_spike_events", record_spike_events
        )
        self._incoming: list[ReferenceType[Connection]] = []
        self._outgoing: list[ReferenceType[Connection]] = []
        if flag("Population: add_to_model", add_to_model):
            innermost(Graph, "Population")._add_population(self, name)

    @property
    def neuron(self) -> Neuron:
        """The neuron model, a copy; its arguments may be changed before compilation."""
        return self._neuron

    @neuron.setter
    def neuron(self, neuron: Neuron | str | Mapping[str, Any]) -> None:
        if isinstance(neuron, Mapping):
            neuron = CodeNeuron(neuron)
        model = get_object(neuron, Neuron, "Neuron", default_neurons)
        if model is None:
            raise ValidationError(
                "Population: a neuron model is needed. Received None."
            )
        self._neuron = model.copy_for_network()

    @property
    def incoming_connections(self) -> list[ReferenceType[Connection]]:
        """Weak references to connections whose target it is; call them to resolve."""
        return self._incoming

    @property
    def outgoing_connections(self) -> list[ReferenceType[Connection]]:
        """Weak references to connections whose source it is; call them to resolve."""
        return self._outgoing

    def _underlying_population(self) -> Population:
        return self

    def __getstate__(self) -> dict[str, Any]:
        """State of copies, whose connections are those of a copied network."""
        return {**vars(self), "_incoming": [], "_outgoing": []}

    def __repr__(self) -> str:
        return f"<Population '{self.name}' {self.shape} {type(self.neuron).__name__}>"


class Connection(WeakLinks, ConnectionLike):
    """Synapses from one population to another.

    Args:
        source: presynaptic population (or layer).
        target: postsynaptic population (or layer).
        connectivity: pairs of connected neurons, with their weights and delays.
        synapse: model of the postsynaptic current; "delta" by default.
        name: a unique name; None (default) for ``Conn_<source>_<target>``.
        max_delay_steps: longest delay [steps]; needed where delays are drawn from an
            initializer or learned; None (default) for the longest one in the
            connectivity.
        add_to_model: True (default) to add it to the network of the current ``with``
            block.

    Attributes:
        decisions: as for `Population`, of arguments of the synapse.

    Raises:
        NetworkContextError: outside a ``with network:`` block.
        ValidationError: if the connectivity does not fit the populations.
    """

    def __init__(
        self,
        source: PopulationLike,
        target: PopulationLike,
        connectivity: Connectivity,
        synapse: Synapse | str = "delta",
        name: str | None = None,
        max_delay_steps: int | None = None,
        add_to_model: bool = True,
    ) -> None:
        if not isinstance(connectivity, Connectivity):
            raise ValidationError(
                "Connection: connectivity is for example Dense(weight). "
                f"Received {shown(connectivity)}."
            )
        model = get_object(synapse, Synapse, "Synapse", default_synapses)
        if model is None:
            raise ValidationError(
                "Connection: a synapse model is needed. Received None."
            )
        if max_delay_steps is not None:
            max_delay_steps = whole(
                "Connection: max_delay_steps", max_delay_steps, least=0
            )
        pre, post = get_underlying_pop(source), get_underlying_pop(target)
        self.connectivity = connectivity
        self.synapse = model.copy_for_network()
        self.decisions: Mapping[str, Decision] = {}
        self.max_delay_steps = max_delay_steps
        self.name = text_name("Connection", name) or ""
        self._source = weakref.ref(pre)
        self._target = weakref.ref(post)
        added = flag("Connection: add_to_model", add_to_model)
        graph = innermost(Graph, "Connection") if added else None
        if graph is not None:
            self.name = graph._connection_name(pre, post, name)
        _connect(connectivity, pre, post)
        if graph is not None:
            graph.connections.append(self)
        self._register()

    def _register(self) -> None:
        """Adds it to the lists of its populations, unless they have it already."""
        source, target = self.ends()
        for listed in (source._outgoing, target._incoming):
            if all(reference() is not self for reference in listed):
                listed.append(weakref.ref(self))

    @property
    def source(self) -> ReferenceType[Population]:
        """Weak reference to the presynaptic population; call it to resolve."""
        return self._source

    @property
    def target(self) -> ReferenceType[Population]:
        """Weak reference to the postsynaptic population; call it to resolve."""
        return self._target

    def ends(self) -> tuple[Population, Population]:
        """Source and target population.

        Raises:
            ValidationError: if one of them no longer exists.
        """
        source, target = self._source(), self._target()
        if source is None or target is None:
            raise ValidationError(f"Connection '{self.name}': a population is gone.")
        return source, target

    def _underlying_connection(self) -> Connection:
        return self

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"<Connection '{self.name}' {self.connectivity!r} {self.synapse!r}>"


class Graph(AnswersSynonyms, NetworkObject, Scope):
    """Populations and connections made inside one ``with`` block; base of `Network`.

    Args:
        default_params: ``{class: {argument: value}}``; None (default) for none.

    Attributes:
        populations: its populations, in the order in which they were made.
        connections: its connections, likewise.
        time_step: dt [ms] for which its weights were trained last, as a `Decision`;
            None before training.

    Raises:
        ValidationError, UnknownNameError: if ``default_params`` has a class that
            ignores default arguments, or an argument that its class does not have.
    """

    def __init__(self, default_params: DefaultParams | None = None) -> None:
        super().__init__(
            checked_default_params({} if default_params is None else default_params)
        )
        self.populations: list[Population] = []
        self.connections: list[Connection] = []
        self.time_step: Decision | None = None

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        """State of a copy, which has lists of its own."""
        for name, value in state.items():
            setattr(self, name, list(value) if isinstance(value, list) else value)
        for connection in self.connections:
            connection._register()

    def _add_population(self, population: Population, name: str | None) -> None:
        names_in_use = {p.name for p in self.populations}
        default = f"Pop{len(self.populations)}"
        population.name = _unique_name("Population", name, default, names_in_use)
        self.populations.append(population)

    def _connection_name(
        self, source: Population, target: Population, name: str | None
    ) -> str:
        """Returns the name of a new connection.

        Raises:
            ValidationError: if a population belongs to another graph, or the name is
                in use.
        """
        for end, population in (("source", source), ("target", target)):
            if population not in self.populations:
                raise ValidationError(
                    f"Connection from '{source.name}' to '{target.name}': the {end} is "
                    "not part of this network. Connect populations of one network."
                )
        names_in_use = {c.name for c in self.connections}
        default = f"Conn_{source.name}_{target.name}"
        return _unique_name("Connection", name, default, names_in_use)


def get_underlying_pop(obj: Any) -> Population:
    """Returns a population, or the population of a layer.

    Args:
        obj: a Population, InputLayer or Layer.

    Raises:
        ValidationError: if it is none of these, or its network no longer exists.
    """
    if not isinstance(obj, PopulationLike):
        raise ValidationError(
            "Expected a Population, InputLayer or Layer of a network. "
            f"Received {shown(obj)}."
        )
    population = obj._underlying_population()
    if population is None:
        raise _network_gone(obj)
    return population


def get_underlying_conn(obj: Any) -> Connection:
    """Returns a connection, or the connection of a layer.

    Args:
        obj: a Connection or Layer.

    Raises:
        ValidationError: if it is neither, or its network no longer exists.
    """
    if not isinstance(obj, ConnectionLike):
        raise ValidationError(
            f"Expected a Connection, or a Layer that has one. Received {shown(obj)}."
        )
    connection = obj._underlying_connection()
    if connection is None:
        raise _network_gone(obj)
    return connection


def _network_gone(obj: object) -> ValidationError:
    return ValidationError(
        f"{type(obj).__name__}: its network is gone. Keep the network for as long as "
        "its layers are used."
    )


def _connect(connectivity: Connectivity, pre: Population, post: Population) -> None:
    """Connects two populations; restores their shapes if that raises an error."""
    shapes = pre.shape, post.shape
    try:
        connectivity.connect(pre, post)
    except Exception:
        pre.shape, post.shape = shapes
        raise


def _unique_name(
    kind: str, name: str | None, default: str, names_in_use: set[str]
) -> str:
    """Returns an explicit name, or the default name with a number if it is in use.

    Raises:
        ValidationError: if an explicit name is in use.
    """
    if not name:
        return free_name(default, names_in_use)
    if name in names_in_use:
        raise ValidationError(
            f"{kind}: the name '{name}' is taken. Give each {kind.lower()} of a "
            "network a name of its own."
        )
    return name
