"""The numbers that a compiled network holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from ml_genn.compiled.built_network import BuiltNetwork
from ml_genn.compiled.genn_compat import (
    ConnectionDict,
    GennModel,
    NeuronGroup,
    SynapseGroup,
)
from ml_genn.compiled.manual_stepping import shaped
from ml_genn.errors import ValidationError
from ml_genn.model.snapshot import DELAYS, WEIGHTS
from ml_genn.optimisers import Optimiser
from ml_genn.training.population_dict import PopulationDict
from ml_genn.utils.checks import finite_array


class NetworkValues(BuiltNetwork):
    """A built network whose numbers can be read and replaced."""

    _looks = False  # whether state is kept when a batch is through

    # ------------------------------------------------------------ synapses
    def weights(self, connection: Any) -> np.ndarray:
        """A copy of the current weights of a connection or layer.

        Of shape (source size, target size); (synapses,), in the order of `indices`,
        where they are sparse; of the shape of the kernel of a convolution.
        """
        return self.model.weights(self._connection(connection).name)

    def set_weights(self, connection: Any, weights: Any) -> None:
        """Replaces the weights of a connection or layer.

        Raises:
            ValidationError: if the shape is another or a weight is not finite.
        """
        found = self._connection(connection)
        values = finite_array("set_weights: weights", weights)
        shape = self._lowered.values.weights[found.name].shape
        if values.shape != shape:
            raise ValidationError(
                f"set_weights: connection '{found.name}' has weights of shape "
                f"{shape}. Received {values.shape}."
            )
        self.model.set_weights(found.name, values.astype(np.float32))

    def delays(self, connection: Any) -> np.ndarray:
        """The current delays of a connection or layer [steps], shaped as its weights.

        One number if all are the same. Those that are learned are rounded where spikes
        take them.
        """
        return self.model.delays(self._connection(connection).name)

    def indices(self, connection: Any) -> tuple[np.ndarray, np.ndarray]:
        """Source and target neuron of each synapse of a sparse connection or layer.

        Raises:
            ValidationError: if each neuron is connected with each, or weights are
                shared.
        """
        found = self._connection(connection)
        if not self.is_sparse(found):
            raise ValidationError(
                f"indices: connection '{found.name}' has no list of synapses. Its "
                "weights() are indexed by both ends, or synapses share them."
            )
        return self.model.indices(found.name)

    def stored(self, owner: str, name: str) -> np.ndarray:
        """A copy of weights ("g"), delays ("d") or a learned parameter by its owner."""
        if name == WEIGHTS:
            return self.model.weights(owner)
        if name == DELAYS:
            return self.model.delays(owner)
        return self.model.parameter(owner, name)

    def set_stored(self, owner: str, name: str, values: np.ndarray) -> None:
        """Replaces weights, delays or a learned parameter.

        Raises:
            ValidationError: if a number is not finite, or a delay too long.
        """
        if name == WEIGHTS:
            values = finite_array(f"Weights of '{owner}'", values)
            return self.model.set_weights(owner, values.astype(np.float32))
        now = self.model.snapshot()
        self.model.restore(replace(now, arrays={**now.arrays, (owner, name): values}))

    # ------------------------------------------------------------ state
    def state(self, population: Any, variable: str) -> np.ndarray:
        """A state variable inside a time step's hook: (examples,) + shape.

        After a batch it is that at its end, if `neuron_populations` was used before or
        the batch was run with a callback of the user's own.

        Args:
            population: population or layer.
            variable: name of the variable, for example "v".

        Raises:
            UnknownNameError: if there is no such variable.
        """
        found = self._population(population)
        name = self.variable(found, variable)
        return shaped(self.model.state(found.name, name), found.shape)

    def set_state(self, population: Any, variable: str, values: Any) -> None:
        """Replaces a state variable inside a time step's hook.

        Args:
            population: population or layer.
            variable: name of the variable.
            values: numbers, one for each neuron of each example.

        Raises:
            ValidationError: if there are more or fewer, or one is not finite.
        """
        found = self._population(population)
        name = self.variable(found, variable)
        where = f"set_state: {variable} of '{found.name}'"
        checked = finite_array(where, values)
        expected = self.model.state(found.name, name).shape
        if checked.size != np.prod(expected):
            raise ValidationError(
                f"{where}: one number for each neuron of each example, of shape "
                f"{expected}. Received {checked.shape}."
            )
        self.model.set_state(found.name, name, checked.reshape(expected))

    # ------------------------------------------------------------ updates
    @property
    def optimisers(self) -> list[tuple[Optimiser, list[Any]]]:
        """Each optimiser, and what it changes; none where nothing is learned."""
        return []

    def custom_update(self, name: str) -> None:
        """Calls a function of ``custom_updates``."""
        self.check_custom_update(name)
        self.custom_updates[name]()

    # ------------------------------------------------------------ mlGeNN's scripts
    @cached_property
    def neuron_populations(self) -> Mapping[Any, NeuronGroup]:
        """``{population or layer: group with vars}``, for mlGeNN's scripts.

        From the first use on, state is kept when a batch is through.
        """
        self._looks = True
        return PopulationDict({p: NeuronGroup(self, p) for p in self._lowered.neurons})

    @cached_property
    def connection_populations(self) -> Mapping[Any, SynapseGroup]:
        """``{connection or layer: group with vars}``, for mlGeNN's scripts."""
        groups = {c: SynapseGroup(self, c) for c in self._lowered.synapses}
        return ConnectionDict(groups)

    @property
    def genn_model(self) -> Any:
        """PyGeNN's model, where it runs the network; else what scripts look at of it.

        That is time and custom updates, for scripts written for mlGeNN.
        """
        if self._settings.backend.genn:
            return self.model.genn_model  # type: ignore[attr-defined]
        return self._genn_model

    @cached_property
    def _genn_model(self) -> GennModel:
        return GennModel(self)
