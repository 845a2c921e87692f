"""GeNN's view of a compiled network: groups, variables and the model.

Scripts written for mlGeNN read and write variables through
``compiled.neuron_populations[population].vars["V"].view`` and its relatives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from math import nan
from typing import Any

import numpy as np

from ml_genn.callbacks.conn_var_recorder import check_no_gradient
from ml_genn.compiled.built_model import BuiltModel
from ml_genn.compiled.configuration import RuntimeConfig
from ml_genn.compiled.genn_names import equivalent_name
from ml_genn.compiled.lookup import NetworkLookup
from ml_genn.compiled.running.manual_stepping import ManualStepping
from ml_genn.compiled.running.stepping import CurrentBatch
from ml_genn.compiled.state import NetworkState
from ml_genn.connection import Connection
from ml_genn.errors import (
    UnknownNameError,
    UnsupportedError,
    ValidationError,
    unknown_name,
)
from ml_genn.graph.graph import get_underlying_conn
from ml_genn.model.engine_memory import HoldsEngine
from ml_genn.model.snapshot import DELAYS, WEIGHTS
from ml_genn.population import Population
from ml_genn.training.population_dict import PopulationDict
from ml_genn.utils.checks import shown

Pull = Callable[[], np.ndarray]
Push = Callable[[np.ndarray], None]


class GroupVariable(HoldsEngine):
    """Variable of a neuron or synapse group, with a copy on the host.

    Args:
        pull: returns the values of the model.
        push: writes values to the model.
    """

    def __init__(self, pull: Pull, push: Push) -> None:
        self._pull, self._push = pull, push
        self._copy: np.ndarray | None = None

    def pull_from_device(self) -> None:
        """Updates the copy with the values of the model."""
        values = self._pull()
        if self._copy is None or self._copy.shape != values.shape:
            self._copy = values
        else:
            self._copy[...] = values

    def push_to_device(self) -> None:
        """Writes the copy to the model.

        Raises:
            ValidationError: if a number is not finite.
        """
        self._push(self.view)

    @property
    def view(self) -> np.ndarray:
        """The copy itself, pulled at first access; assignments to it change it.

        One number for each synapse, flat; for neurons (neurons,), or (examples,
        neurons) if the batch size is above 1.
        """
        if self._copy is None:
            self.pull_from_device()
        return np.asarray(self._copy)

    @property
    def values(self) -> np.ndarray:
        """A new array with the values of `view`; assignments write to `view`."""
        return self.view.copy()

    @values.setter
    def values(self, values: Any) -> None:
        self.view[...] = values

    @property
    def current_view(self) -> np.ndarray:
        """The same as `view`."""
        return self.view

    @property
    def current_values(self) -> np.ndarray:
        """The same as `values`."""
        return self.values


class Variables(HoldsEngine, Mapping[str, GroupVariable]):
    """{name: variable} of a group, by mlGeNN's names and ours.

    Args:
        where: group, as error messages name it.
        names: our names of the variables.
        make: creates the variable of one of ``names``; called once for each.
    """

    def __init__(
        self, where: str, names: list[str], make: Callable[[str], GroupVariable]
    ) -> None:
        self._where, self._names, self._make = where, names, make
        self._variables: dict[str, GroupVariable] = {}

    def __getitem__(self, name: str) -> GroupVariable:
        ours = equivalent_name(name, self._names)
        if ours not in self._names:
            check_no_gradient(self._where, name)
            raise unknown_name("variable", name, self._names, where=self._where)
        if ours not in self._variables:
            self._variables[ours] = self._make(ours)
        return self._variables[ours]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class NeuronGroup(HoldsEngine):
    """Neuron group of a population.

    Attributes:
        vars: {name: variable}: learned parameters, and state variables of the current
            or last batch.
    """

    def __init__(
        self,
        lookup: NetworkLookup,
        state: NetworkState,
        population: Population,
        config: RuntimeConfig,
        batch: CurrentBatch,
    ) -> None:
        self.name, self.num_neurons = population.name, population.size
        self._dt, self._batch = config.dt, batch
        batch_size = config.batch_size
        learned = lookup.learned(population)

        def variable(name: str) -> GroupVariable:
            if name in learned:
                return _learned_variable(state, self.name, name)
            return _state_variable(state, population, name, batch_size)

        self.vars: Mapping[str, GroupVariable] = Variables(
            f"Population '{self.name}'", lookup.variables(population), variable
        )

    @property
    def spike_recording_data(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Times [ms] and neurons of the spikes of each example of the last batch.

        Raises:
            ValidationError: if they were not kept.
        """
        if self.name not in self._batch.spikes:
            raise ValidationError(
                f"Population '{self.name}': the last batch kept no spikes. Make the "
                "population with record_spikes=True, and read neuron_populations once "
                "before the batch; or use SpikeRecorder."
            )
        return [(t * self._dt, ids) for t, ids in self._batch.spikes[self.name]]


class SynapseGroup(HoldsEngine):
    """Synapse group of a connection.

    Attributes:
        vars: {name: variable}: weights ("g") and, if each synapse has its own, delays
            ("d"), flat; of sparse connections in the order of `get_sparse_pre_inds`.
    """

    def __init__(self, state: NetworkState, connection: Connection) -> None:
        self.name = connection.name
        self._state, self._connection = state, connection
        has_delays = state.delays(connection).ndim > 0
        self.vars: Mapping[str, GroupVariable] = Variables(
            f"Connection '{self.name}'",
            [WEIGHTS, DELAYS] if has_delays else [WEIGHTS],
            lambda name: _learned_variable(state, self.name, name),
        )

    def pull_connectivity_from_device(self) -> None:
        """Does nothing: indices of synapses are read from the model at each access."""

    def get_sparse_pre_inds(self) -> np.ndarray:
        """Returns the source neuron of each synapse of a sparse connection."""
        return self._state.indices(self._connection)[0]

    def get_sparse_post_inds(self) -> np.ndarray:
        """Returns the target neuron of each synapse of a sparse connection."""
        return self._state.indices(self._connection)[1]


class ConnectionDict(dict[Any, SynapseGroup]):
    """{connection: group}, which also accepts layers as keys."""

    def __missing__(self, key: Any) -> SynapseGroup:
        connection = get_underlying_conn(key)
        if connection not in self:
            raise UnknownNameError(
                f"There is no entry for '{connection.name}'. There are entries for: "
                f"{', '.join(c.name for c in self)}."
            )
        return self[connection]


def _learned_variable(state: NetworkState, owner: str, name: str) -> GroupVariable:
    """Variable of weights, delays or a learned parameter, flat."""

    def pull() -> np.ndarray:
        return state.learned_array(owner, name).reshape(-1)

    def push(values: np.ndarray) -> None:
        shape = state.learned_array(owner, name).shape
        if values.size != np.prod(shape, dtype=int):
            raise ValidationError(
                f"push_to_device: '{owner}' has other synapses by now. Call "
                "pull_from_device before numbers are changed."
            )
        state.set_learned_array(owner, name, values.reshape(shape))

    return GroupVariable(pull, push)


def _state_variable(
    state: NetworkState, population: Population, name: str, batch_size: int
) -> GroupVariable:
    """State variable of a population, without the axis of examples in batches of 1."""
    shape = (population.size,) if batch_size == 1 else (-1, population.size)

    def pull() -> np.ndarray:
        return state.state(population, name).reshape(shape)

    def push(values: np.ndarray) -> None:
        state.set_state(population, name, values)

    return GroupVariable(pull, push)


class CustomUpdates(dict[str, Callable[[], Any]]):
    """{name: function without arguments}: "Reset", and functions of the user's own."""

    def check(self, name: str) -> None:
        """Raises an error if there is no function of that name.

        Raises:
            UnknownNameError: with the names that there are.
        """
        if name not in self:
            raise unknown_name("custom update", name, self)

    def run(self, name: str) -> None:
        """Calls the function of that name."""
        self.check(name)
        self[name]()


def reset_in_step(
    batch: CurrentBatch, state: NetworkState, continue_state: bool
) -> None:
    """Resets neurons in a time step; between batches they are reset anyway.

    Args:
        batch: the current batch.
        state: state of the network.
        continue_state: True if batches continue from each other.

    Raises:
        UnsupportedError: between batches that continue from each other.
    """
    if batch.stepped:
        state.reset()
    elif continue_state:
        raise UnsupportedError(
            "Custom update 'Reset': between batches it needs "
            "reset_vars_between_batches=True, the default, and is then not needed."
        )


class GennModel:
    """Time, sizes and custom updates, under the names of GeNN's model.

    Kernel times are nan: the embedded engine has other kernels and measures none.

    Args:
        config: time step and batch size.
        batch: batch whose time is shown.
        manual: batch that a script advances.
        custom_updates: functions of the user's own, and "Reset".
    """

    neuron_update_time = nan
    presynaptic_update_time = nan
    postsynaptic_update_time = nan
    synapse_dynamics_time = nan
    init_time = nan
    init_sparse_time = nan

    def __init__(
        self,
        config: RuntimeConfig,
        batch: CurrentBatch,
        manual: ManualStepping,
        custom_updates: CustomUpdates,
    ) -> None:
        self._config, self._batch, self._manual = config, batch, manual
        self._custom_updates = custom_updates

    @property
    def timestep(self) -> int:
        """Completed time steps of the batch; 0 may be assigned, which ends it."""
        return self._batch.timestep

    @timestep.setter
    def timestep(self, timestep: int) -> None:
        if timestep != 0:
            raise ValidationError(
                "genn_model.timestep: only 0 can be assigned, for a new batch. "
                f"Received {shown(timestep)}."
            )
        self._manual.reset_time()

    def pull_recording_buffers_from_device(self) -> None:
        """Makes ``spike_recording_data`` of populations those of the complete batch.

        Raises:
            ValidationError: before the last time step of a batch.
        """
        self._manual.pull_spikes()

    @property
    def t(self) -> float:
        """Time in the batch [ms]."""
        return self.timestep * self.dt

    @property
    def dt(self) -> float:
        """Time step [ms]."""
        return self._config.dt

    @property
    def batch_size(self) -> int:
        """Examples in a batch."""
        return self._config.batch_size

    def custom_update(self, name: str) -> None:
        """Calls one of the network's custom updates.

        Args:
            name: key in ``custom_updates`` of the compiled network.
        """
        self._custom_updates.run(name)

    def get_custom_update_time(self, name: str) -> float:
        """Returns nan: custom updates are not timed."""
        return nan


class GennView:
    """Groups and model of a compiled network, created at first access.

    Args:
        built: the model.
        lookup: populations and connections.
        state: arrays of the model.
        batch: batch whose time is shown.
        manual: batch that a script advances.
        custom_updates: functions of the user's own, and "Reset".
    """

    def __init__(
        self,
        built: BuiltModel,
        lookup: NetworkLookup,
        state: NetworkState,
        batch: CurrentBatch,
        manual: ManualStepping,
        custom_updates: CustomUpdates,
    ) -> None:
        self._built, self._batch = built, batch
        self._lookup = lookup
        self._state = state
        self._embedded_model = GennModel(built.config, batch, manual, custom_updates)

    @cached_property
    def neuron_populations(self) -> Mapping[Any, NeuronGroup]:
        """{population or layer: group}."""
        return PopulationDict(
            {
                population: NeuronGroup(
                    self._lookup,
                    self._state,
                    population,
                    self._built.config,
                    self._batch,
                )
                for population in self._lookup.populations
            }
        )

    @cached_property
    def connection_populations(self) -> Mapping[Any, SynapseGroup]:
        """{connection or layer: group}."""
        return ConnectionDict(
            {c: SynapseGroup(self._state, c) for c in self._lookup.connections}
        )

    @property
    def genn_model(self) -> Any:
        """PyGeNN's model; `GennModel` for other backends."""
        if self._built.config.backend.genn:
            return self._built.model.genn_model  # type: ignore[attr-defined]
        return self._embedded_model
