"""Populations of neurons."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from weakref import ReferenceType

import numpy as np

from ml_genn.errors import ValidationError
from ml_genn.neurons import CodeNeuron, Neuron, default_neurons
from ml_genn.utils import context
from ml_genn.utils.checks import shown, text_name
from ml_genn.utils.module import get_object
from ml_genn.utils.network import PopulationLike

if TYPE_CHECKING:
    from ml_genn.connection import Connection

Shape = int | Sequence[int] | None


class Population(PopulationLike):
    """Neurons that share a model.

    Args:
        neuron: a neuron, its name (for example "leaky_integrate_fire"), or a dictionary
            of code strings in PyGeNN's syntax.
        shape: number of neurons, or shape in row-major order; None (default) to take
            it from the connectivity.
        record_spikes: whether `SpikeRecorder` may record its spikes; no by default.
        record_spike_events: whether it may record the negative spikes of an input with
            signed spikes; no by default.
        name: a unique name; None (default) for ``Pop<n>``.
        add_to_model: whether it is added to the network of the current ``with`` block;
            yes by default.

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
        self.shape = _shape(shape)
        self.record_spikes = record_spikes
        self.record_spike_events = record_spike_events
        self.name = text_name("Population", name) or ""
        self._incoming: list[ReferenceType[Connection]] = []
        self._outgoing: list[ReferenceType[Connection]] = []
        if add_to_model:
            context.current("Population")._add_population(self, name)

    @property
    def neuron(self) -> Neuron:
        """The neuron model."""
        return self._neuron

    @neuron.setter
    def neuron(self, neuron: Neuron | str | Mapping[str, Any]) -> None:
        if isinstance(neuron, Mapping):
            neuron = CodeNeuron(neuron)
        found = get_object(neuron, Neuron, "Neuron", default_neurons)
        if found is None:
            raise ValidationError(
                "Population: a neuron model is needed. Received None."
            )
        self._neuron = found

    @property
    def size(self) -> int:
        """Number of neurons."""
        if self.shape is None:
            raise ValidationError(f"Population '{self.name}' has no shape yet.")
        return math.prod(self.shape)

    @property
    def incoming_connections(self) -> list[ReferenceType[Connection]]:
        """Weak references to the connections onto it, to be called."""
        return self._incoming

    @property
    def outgoing_connections(self) -> list[ReferenceType[Connection]]:
        """Weak references to the connections from it, to be called."""
        return self._outgoing

    def _underlying_population(self) -> Population:
        return self

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"<Population '{self.name}' {self.shape} {type(self.neuron).__name__}>"


def _shape(shape: Shape) -> tuple[int, ...] | None:
    if shape is None:
        return None
    sizes = (shape,) if isinstance(shape, int | np.integer) else shape
    try:
        sizes = tuple(sizes)
    except TypeError:
        sizes = ()
    whole = all(
        isinstance(n, int | np.integer) and not isinstance(n, bool) and n > 0
        for n in sizes
    )
    if not sizes or not whole:
        raise ValidationError(
            "Population: shape is a whole number above 0 or a sequence of them. "
            f"Received {shown(shape)}."
        )
    return tuple(int(n) for n in sizes)
