"""Weights, delays, learned parameters and neuron state of a compiled network."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ml_genn.compiled.built_model import BuiltModel
from ml_genn.compiled.lookup import NetworkLookup, with_population_shape
from ml_genn.errors import ValidationError
from ml_genn.model.snapshot import DELAYS, WEIGHTS
from ml_genn.utils.checks import finite_array


class NetworkState:
    """Reads and replaces the arrays of a built model.

    `ml_genn.compiled.network.CompiledNetwork` documents methods of the same name.

    Args:
        built: the model.
        lookup: populations and connections of the network.
    """

    def __init__(self, built: BuiltModel, lookup: NetworkLookup) -> None:
        self._built = built
        self._lookup = lookup

    # ------------------------------------------------------------ synapses
    def weights(self, connection: Any) -> np.ndarray:
        """Returns a copy of the weights of a connection."""
        return self.learned_array(self._lookup.connection(connection).name, WEIGHTS)

    def set_weights(self, connection: Any, weights: Any) -> None:
        """Replaces the weights of a connection."""
        name = self._lookup.connection(connection).name
        values = finite_array("set_weights: weights", weights)
        shape = self._built.lowered.values.weights[name].shape
        if values.shape != shape:
            raise ValidationError(
                f"set_weights: connection '{name}' has weights of shape {shape}. "
                f"Received {values.shape}."
            )
        with self._built.access() as model:
            model.set_weights(name, values.astype(np.float32))

    def delays(self, connection: Any) -> np.ndarray:
        """Returns the delays of a connection [steps]."""
        return self.learned_array(self._lookup.connection(connection).name, DELAYS)

    def indices(self, connection: Any) -> tuple[np.ndarray, np.ndarray]:
        """Returns source and target neuron of each synapse of a sparse connection."""
        name = self._lookup.connection(connection).name
        if not self._lookup.is_sparse(connection):
            raise ValidationError(
                f"indices: connection '{name}' has no list of synapses. Its weights() "
                "are indexed by both ends, or synapses share them."
            )
        with self._built.access() as model:
            return model.indices(name)

    def feedback_weights(self, hidden: Any, output: Any) -> np.ndarray:
        """Returns a copy of the feedback weights, (hidden size, output size)."""
        group = self._lookup.feedback_group(hidden, output)
        return self.learned_array(group, WEIGHTS)

    # ------------------------------------------------------------ learned arrays
    def parameter(self, population: Any, name: str) -> np.ndarray:
        """Returns the values of a learned parameter, (neurons,) or ()."""
        self._lookup.check_learned(population, name)
        owner = self._lookup.population(population).name
        return self.learned_array(owner, name)

    def learned_array(self, owner: str, name: str) -> np.ndarray:
        """Returns a copy of weights, delays or a learned parameter.

        Args:
            owner: name of the connection or population.
            name: "g" for weights, "d" for delays, or the name of the parameter.
        """
        with self._built.access() as model:
            if name == WEIGHTS:
                return model.weights(owner)
            if name == DELAYS:
                return model.delays(owner)
            return model.parameter(owner, name)

    def set_learned_array(self, owner: str, name: str, values: np.ndarray) -> None:
        """Replaces weights, delays or a learned parameter.

        Args:
            owner, name: as for `learned_array`.
            values: array of the same shape.

        Raises:
            ValidationError: if a number is not finite, or a delay too long.
        """
        with self._built.access() as model:
            if name == WEIGHTS:
                values = finite_array(f"Weights of '{owner}'", values)
                model.set_weights(owner, values.astype(np.float32))
                return
            snapshot = model.snapshot()
            arrays = {**snapshot.arrays, (owner, name): values}
            model.restore(replace(snapshot, arrays=arrays))

    # ------------------------------------------------------------ neurons
    def state(self, population: Any, variable: str) -> np.ndarray:
        """Returns a state variable, (examples,) + shape of the population."""
        owner = self._lookup.population(population)
        name = self._lookup.variable(owner, variable)
        with self._built.access() as model:
            return with_population_shape(model.state(owner.name, name), owner)

    def set_state(self, population: Any, variable: str, values: Any) -> None:
        """Replaces a state variable."""
        owner = self._lookup.population(population).name
        name = self._lookup.variable(population, variable)
        where = f"set_state: {variable} of '{owner}'"
        checked = finite_array(where, values)
        expected = self._built.model.state(owner, name).shape
        if checked.size != np.prod(expected):
            raise ValidationError(
                f"{where}: one number for each neuron of each example, of shape "
                f"{expected}. Received {checked.shape}."
            )
        self._built.model.set_state(owner, name, checked.reshape(expected))

    def reset(self) -> None:
        """Sets state variables and readouts to their values at the start of an example.

        Raises:
            MlGennError: if no batch is being stepped.
        """
        for population in self._lookup.populations:
            for name, value in self._lookup.initial_state(population).items():
                shape = self._built.model.state(population.name, name).shape
                self.set_state(population, name, np.broadcast_to(value, shape))
