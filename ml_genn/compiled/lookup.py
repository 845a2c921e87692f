"""Lookup of the populations, connections and variables of a compiled network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ml_genn.compiled.genn_names import equivalent_name
from ml_genn.connection import Connection
from ml_genn.errors import ValidationError, unknown_name
from ml_genn.graph.graph import get_underlying_conn, get_underlying_pop
from ml_genn.lowering import Lowered
from ml_genn.lowering.neurons.inputs import negative
from ml_genn.model.plan import (
    Learned,
    LearnedKind,
    NeuronGroup,
    SynapseFormat,
)
from ml_genn.neurons import Input
from ml_genn.population import Population
from ml_genn.utils.checks import text


class NetworkLookup:
    """Populations, connections and variables of a lowered network.

    Methods accept a layer wherever they accept its population or connection.

    Args:
        lowered: the lowered network.
        outputs: populations that are read; None (default) for all with a readout.
    """

    def __init__(
        self, lowered: Lowered, outputs: Sequence[Population] | None = None
    ) -> None:
        self._lowered = lowered
        neurons = lowered.neurons.items()
        self.populations = tuple(lowered.neurons)
        self.connections = tuple(lowered.synapses)
        self.inputs = tuple(p for p, neuron in neurons if isinstance(neuron, Input))
        self.outputs = (
            tuple(p for p, neuron in neurons if neuron.readout)
            if outputs is None
            else tuple(outputs)
        )

    @property
    def spiking(self) -> tuple[Population, ...]:
        """Populations that spike, without inputs."""
        plan = self._lowered.plan
        return tuple(
            p
            for p in self.populations
            if plan.neuron(p.name).spikes and p not in self.inputs
        )

    @property
    def recordable(self) -> tuple[str, ...]:
        """Names of populations made with ``record_spikes=True`` that spike."""
        plan = self._lowered.plan
        return tuple(
            p.name
            for p in self.populations
            if p.record_spikes and plan.neuron(p.name).spikes
        )

    def population(self, key: Any) -> Population:
        """Returns the population behind a population or layer.

        Raises:
            ValidationError: if it belongs to another network.
        """
        population = get_underlying_pop(key)
        if population not in self._lowered.neurons:
            raise ValidationError(
                f"Population '{population.name}' does not belong to this network."
            )
        return population

    def connection(self, key: Any) -> Connection:
        """Returns the connection behind a connection or layer.

        Raises:
            ValidationError: if it belongs to another network.
        """
        connection = get_underlying_conn(key)
        if connection not in self._lowered.synapses:
            raise ValidationError(
                f"Connection '{connection.name}' does not belong to this network."
            )
        return connection

    # ------------------------------------------------------------ connections
    def is_sparse(self, connection: Any) -> bool:
        """True if the connection stores a list of synapses."""
        return self._format(connection).has_pairs

    def shares_weights(self, connection: Any) -> bool:
        """True if the synapses of the connection share a kernel."""
        return self._format(connection).shares_weights

    def _format(self, connection: Any) -> SynapseFormat:
        return self._lowered.plan.synapse(self.connection(connection).name).format

    def check_rewired(self, connection: Any) -> None:
        """Raises an error if Deep-R does not rewire the connection.

        Raises:
            ValidationError: if it is not in the compiler's ``deep_r_conns``.
        """
        name = self.connection(connection).name
        if not self._lowered.plan.synapse(name).rewired:
            raise ValidationError(
                f"Connection '{name}' is not rewired. Give it to the compiler in "
                "deep_r_conns."
            )

    def feedback_group(self, hidden: Any, output: Any) -> str:
        """Returns the synapse group of the feedback weights between two populations.

        Raises:
            ValidationError: if there are none.
        """
        ends = self.population(hidden).name, self.population(output).name
        for group in self._lowered.plan.synapses:
            if not group.delivers and (group.source, group.target) == ends:
                return group.name
        raise ValidationError(
            f"feedback_weights: there are none from '{ends[1]}' to '{ends[0]}'."
        )

    # ------------------------------------------------------------ populations
    def _group(self, population: Any) -> NeuronGroup:
        return self._lowered.plan.neuron(self.population(population).name)

    def variables(self, population: Any) -> list[str]:
        """Returns the names of state variables, adjoints and learned parameters."""
        return [*self._state_variables(population), *self.learned(population)]

    def _state_variables(self, population: Any) -> list[str]:
        group = self._group(population)
        names = [variable.name for variable in group.variables]
        if group.readout:
            names += [name for name, _ in group.readout.variables]
        if group.adjoint and not self._lowered.plan.online:
            names += group.adjoint.variables
        return names

    def initial_state(self, population: Any) -> dict[str, Any]:
        """Returns {variable: value at the start of an example}, readouts included."""
        group = self._group(population)
        sampled = self._lowered.values.initial.get(group.name, {})
        initial = {v.name: sampled.get(v.name, 0.0) for v in group.variables}
        return {**initial, **dict(group.readout.variables if group.readout else ())}

    def parameter_values(self, population: Any, name: str) -> np.ndarray | None:
        """Returns a parameter that is not learned, (neurons,); None if there is none.

        Args:
            population: population or layer.
            name: our name or mlGeNN's, for example "v_thresh" or "Vthresh".
        """
        owner = self.population(population)
        values = self._lowered.values.parameters.get(owner.name, {})
        ours = equivalent_name(text("Name of a variable", name), values)
        if ours not in values or ours in self.variables(owner):
            return None
        return np.broadcast_to(np.float32(values[ours]), owner.size)

    def learned(self, population: Any) -> list[str]:
        """Returns the names of a population's learned parameters."""
        return [parameter.name for parameter in self._group(population).learned]

    def variable(self, population: Any, name: str) -> str:
        """Returns our name of a state variable.

        Args:
            population: population or layer.
            name: our name or mlGeNN's, for example "v" or "V".

        Raises:
            UnknownNameError: if there is no such variable.
        """
        known = self._state_variables(population)
        ours = equivalent_name(text("Name of a variable", name), known)
        if ours not in known:
            where = f"Population '{self.population(population).name}'"
            raise unknown_name("variable", name, known, where=where)
        return ours

    def check_learned(self, population: Any, name: str) -> None:
        """Raises an error if a parameter is not learned.

        Raises:
            UnknownNameError: with the names of the learned parameters.
        """
        owner = self.population(population).name
        known = [
            array.name
            for array in self._lowered.plan.learned
            if array.kind is LearnedKind.PARAMETER and array.owner == owner
        ]
        if text("Name of a parameter", name) not in known:
            where = f"Population '{owner}'"
            raise unknown_name("learned parameter", name, known, where=where)

    def spikes(self, population: str) -> bool:
        """True if the population of a name can spike."""
        return self._lowered.plan.neuron(population).spikes

    def check_spikes(self, population: str) -> None:
        """Raises an error if a population never spikes.

        Args:
            population: name of the population.

        Raises:
            ValidationError: if there is nothing to record.
        """
        if not self.spikes(population):
            raise ValidationError(
                f"Population '{population}' never spikes, so there are no spikes to "
                "record. Record a variable with VarRecorder instead."
            )

    def negative_spikes(self, population: str) -> str:
        """Returns the name of the neuron group of a population's negative spikes.

        Args:
            population: name of the population.

        Raises:
            ValidationError: if it has none.
        """
        name = negative(population)
        if all(group.name != name for group in self._lowered.plan.neurons):
            raise ValidationError(
                f"Population '{population}' has no negative spikes. Inputs made with "
                "signed_spikes=True have them."
            )
        return name

    # ------------------------------------------------------------ learned arrays
    def learned_key(self, array: Learned) -> Any:
        """Returns the key of a learned array in `CompiledTrainingNetwork.gradients`.

        That is a connection for weights, (connection, "delay") for delays,
        (population, name) for parameters, (hidden, output) for feedback weights.
        """
        populations = {p.name: p for p in self.populations}
        if array.kind is LearnedKind.PARAMETER:
            return populations[array.owner], array.name
        connections = {c.name: c for c in self.connections}
        if array.owner not in connections:
            group = self._lowered.plan.synapse(array.owner)
            return populations[group.source], populations[group.target]
        connection = connections[array.owner]
        if array.kind is LearnedKind.WEIGHT:
            return connection
        return connection, array.kind.value


def with_population_shape(values: np.ndarray, population: Population) -> np.ndarray:
    """Reshapes (examples, neurons) to (examples,) + shape of the population."""
    return values.reshape(len(values), *(population.shape or ()))
