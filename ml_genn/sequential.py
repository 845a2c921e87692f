"""Networks whose layers form a chain."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import Any

import numpy as np

from ml_genn.connection import Connection
from ml_genn.connectivity import Connectivity
from ml_genn.errors import CheckpointError, NetworkContextError, ValidationError
from ml_genn.graph.copying import WeakLinks
from ml_genn.graph.graph import ConnectionLike, PopulationLike
from ml_genn.graph.scope import innermost
from ml_genn.network import DefaultParams, Network
from ml_genn.neurons import Neuron
from ml_genn.population import Population, Shape
from ml_genn.synapses import Synapse


class SequentialNetwork(Network):
    """A network of layers, each connected to the previous one.

    Args:
        default_params: as for `Network`.

    Attributes:
        layers: its layers in their order, starting with the input layer.
    """

    def __init__(self, default_params: DefaultParams | None = None) -> None:
        super().__init__(default_params)
        self.layers: list[InputLayer | Layer] = []

    @staticmethod
    def get_prev_layer() -> InputLayer | Layer | None:
        """Returns the last layer of the current network; None before the first one.

        Raises:
            NetworkContextError: outside the ``with`` block of a `SequentialNetwork`.
        """
        layers = _current().layers
        return layers[-1] if layers else None

    def to_config(
        self, arrays: dict[tuple[str, str], np.ndarray] | None = None
    ) -> dict[str, Any]:
        """Returns the network as plain data, as `Network.to_config` does."""
        layers = [
            [str(layer), str(layer.connection()) if isinstance(layer, Layer) else None]
            for layer in self.layers
        ]
        return {**super().to_config(arrays), "layers": layers}

    def _finish_config(self, config: Mapping[str, Any]) -> None:
        """Restores the layers around the populations and connections."""
        populations = {p.name: p for p in self.populations}
        connections = {c.name: c for c in self.connections}
        for population, connection in config.get("layers", ()):
            if population not in populations or (
                self.layers and connection not in connections
            ):
                raise CheckpointError(
                    f"Config of a network: layers: there is no population "
                    f"'{population}', or no connection '{connection}'."
                )
            layer = _restored_layer(
                populations[population], connections.get(connection)
            )
            self.layers.append(layer)


def _current() -> SequentialNetwork:
    network = innermost(Network, "A layer")
    if not isinstance(network, SequentialNetwork):
        raise NetworkContextError(
            "Layers belong to a SequentialNetwork. In a Network, use Population and "
            "Connection."
        )
    return network


class InputLayer(WeakLinks, PopulationLike):
    """First layer of a `SequentialNetwork`.

    Args:
        neuron: an input neuron or its name, for example "spike_input".
        shape, record_spikes, record_spike_events, name: as for `Population`.

    Raises:
        NetworkContextError: outside the ``with`` block of a `SequentialNetwork`.
        ValidationError: if the network has an input layer already.
    """

    def __init__(
        self,
        neuron: Neuron | str | Mapping[str, Any],
        shape: Shape = None,
        record_spikes: bool = False,
        record_spike_events: bool = False,
        name: str | None = None,
    ) -> None:
        network = _current()
        if network.layers:
            raise ValidationError(
                "InputLayer: a SequentialNetwork starts with its only input layer. Use "
                "Network with Population and Connection for several inputs."
            )
        population = Population(neuron, shape, record_spikes, record_spike_events, name)
        self._population = weakref.ref(population)
        network.layers.append(self)

    @property
    def population(self) -> weakref.ReferenceType[Population]:
        """Weak reference to the population; call it to resolve."""
        return self._population

    def _underlying_population(self) -> Population | None:
        return self._population()

    def __str__(self) -> str:
        return str(self._population())

    def __repr__(self) -> str:
        return f"<InputLayer {self._population()!r}>"


class Layer(WeakLinks, PopulationLike, ConnectionLike):
    """A layer of a `SequentialNetwork`, connected to the previous one.

    Args:
        connectivity: connectivity from the previous layer.
        neuron: a neuron or its name.
        shape: as for `Population`.
        synapse: model of the postsynaptic current; "delta" by default.
        record_spikes, record_spike_events: as for `Population`.
        max_delay_steps: as for `Connection`.
        name: as for `Population`.

    Raises:
        NetworkContextError: outside the ``with`` block of a `SequentialNetwork`.
        ValidationError: if there is no previous layer, or the connectivity does not
            fit.
    """

    def __init__(
        self,
        connectivity: Connectivity,
        neuron: Neuron | str | Mapping[str, Any],
        shape: Shape = None,
        synapse: Synapse | str = "delta",
        record_spikes: bool = False,
        record_spike_events: bool = False,
        max_delay_steps: int | None = None,
        name: str | None = None,
    ) -> None:
        network = _current()
        previous = SequentialNetwork.get_prev_layer()
        if previous is None:
            raise ValidationError(
                "Layer: a SequentialNetwork starts with an InputLayer. Make one first."
            )
        counts = len(network.populations), len(network.connections)
        try:
            population = Population(
                neuron, shape, record_spikes, record_spike_events, name
            )
            connection = Connection(
                previous,
                population,
                connectivity,
                synapse,
                max_delay_steps=max_delay_steps,
            )
        except Exception:
            del network.populations[counts[0] :], network.connections[counts[1] :]
            raise
        self._population = weakref.ref(population)
        self._connection = weakref.ref(connection)
        network.layers.append(self)

    @property
    def population(self) -> weakref.ReferenceType[Population]:
        """Weak reference to the population; call it to resolve."""
        return self._population

    @property
    def connection(self) -> weakref.ReferenceType[Connection]:
        """Weak reference to the connection from the previous layer; call to resolve."""
        return self._connection

    def _underlying_population(self) -> Population | None:
        return self._population()

    def _underlying_connection(self) -> Connection | None:
        return self._connection()

    def __str__(self) -> str:
        return str(self._population())

    def __repr__(self) -> str:
        return f"<Layer {self._population()!r}>"


def _restored_layer(
    population: Population, connection: Connection | None
) -> InputLayer | Layer:
    """Returns a layer of a population that exists already.

    Constructors of layers make a population, so they are not called.

    Args:
        population: population of the layer.
        connection: connection from the previous layer; None for the input layer.
    """
    if connection is None:
        input_layer = object.__new__(InputLayer)
        input_layer._population = weakref.ref(population)
        return input_layer
    layer = object.__new__(Layer)
    layer._population = weakref.ref(population)
    layer._connection = weakref.ref(connection)
    return layer
