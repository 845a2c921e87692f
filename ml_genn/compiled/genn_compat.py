"""What scripts written for mlGeNN reach of GeNN: groups, variables and the model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import nan
from typing import TYPE_CHECKING, Any

import numpy as np

from ml_genn.connection import Connection
from ml_genn.errors import UnknownNameError, ValidationError, unknown_name
from ml_genn.graph.graph import get_underlying_conn
from ml_genn.model.snapshot import DELAYS, WEIGHTS
from ml_genn.population import Population
from ml_genn.utils.genn_names import our_name

if TYPE_CHECKING:
    from ml_genn.compiled.values import NetworkValues

Pull = Callable[[], np.ndarray]
Push = Callable[[np.ndarray], None]


class GroupVariable:
    """What each neuron or synapse of a group has, and a copy of it to work on.

    Args:
        pull: gives the numbers.
        push: takes them.
    """

    def __init__(self, pull: Pull, push: Push) -> None:
        self._pull, self._push = pull, push
        self._copy: np.ndarray | None = None

    def pull_from_device(self) -> None:
        """Renews the copy."""
        found = self._pull()
        if self._copy is None or self._copy.shape != found.shape:
            self._copy = found
        else:
            self._copy[...] = found

    def push_to_device(self) -> None:
        """Puts the copy into the network.

        Raises:
            ValidationError: if a number is not finite.
        """
        self._push(self.view)

    @property
    def view(self) -> np.ndarray:
        """The copy, which may be changed: one number for each synapse, flat, or
        (neurons,), or (examples, neurons) in batches; pulled when it is first used."""
        if self._copy is None:
            self.pull_from_device()
        return np.asarray(self._copy)

    @property
    def values(self) -> np.ndarray:
        """Another copy of the copy; what is assigned goes into `view`."""
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


class Variables(Mapping[str, GroupVariable]):
    """Variables of a group by name, mlGeNN's or ours; each is made once.

    Args:
        where: what errors name.
        known: names of ours.
        make: gives the variable of a name of ours.
    """

    def __init__(
        self, where: str, known: list[str], make: Callable[[str], GroupVariable]
    ) -> None:
        self._where, self._known, self._make = where, known, make
        self._made: dict[str, GroupVariable] = {}

    def __getitem__(self, name: str) -> GroupVariable:
        ours = our_name(name, self._known)
        if ours not in self._known:
            raise unknown_name("variable", name, self._known, where=self._where)
        return self._made.setdefault(ours, self._make(ours))

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


class NeuronGroup:
    """A population as GeNN's scripts know it.

    Attributes:
        vars: {name: variable}: learned parameters, and state of the batch that runs or
            ran last.
    """

    def __init__(self, network: NetworkValues, population: Population) -> None:
        self.name, self.num_neurons = population.name, population.size
        self.vars: Mapping[str, GroupVariable] = Variables(
            f"Population '{self.name}'",
            network.variables(population),
            lambda name: self._variable(network, population, name),
        )

    @staticmethod
    def _variable(
        network: NetworkValues, population: Population, name: str
    ) -> GroupVariable:
        if name in network.learned_parameters(population):
            return _stored(network, population.name, name)
        shape = (population.size,) if network.batch_size == 1 else (-1, population.size)

        def pull() -> np.ndarray:
            return network.state(population, name).reshape(shape)

        def push(values: np.ndarray) -> None:
            network.set_state(population, name, values)

        return GroupVariable(pull, push)


class SynapseGroup:
    """A connection as GeNN's scripts know it.

    Attributes:
        vars: {name: variable}: weights ("g") and, where synapses have their own, delays
            ("d"), flat, in the order of `get_sparse_pre_inds` where they are sparse.
    """

    def __init__(self, network: NetworkValues, connection: Connection) -> None:
        self.name = connection.name
        self._network, self._connection = network, connection
        own = network.delays(connection).ndim > 0
        self.vars: Mapping[str, GroupVariable] = Variables(
            f"Connection '{self.name}'",
            [WEIGHTS, *[DELAYS] * own],
            lambda name: _stored(network, self.name, name),
        )

    def pull_connectivity_from_device(self) -> None:
        """Nothing: which neurons are connected is always up to date."""

    def get_sparse_pre_inds(self) -> np.ndarray:
        """Source neuron of each synapse of a sparse connection."""
        return self._network.indices(self._connection)[0]

    def get_sparse_post_inds(self) -> np.ndarray:
        """Target neuron of each synapse of a sparse connection."""
        return self._network.indices(self._connection)[1]


class ConnectionDict(dict[Any, SynapseGroup]):
    """{connection: group}; a layer finds the entry of its connection."""

    def __missing__(self, key: Any) -> SynapseGroup:
        found = get_underlying_conn(key)
        if found not in self:
            raise UnknownNameError(
                f"There is no entry for '{found.name}'. There are entries for: "
                f"{', '.join(c.name for c in self)}."
            )
        return self[found]


def _stored(network: NetworkValues, owner: str, name: str) -> GroupVariable:
    """A flat view of what training changes."""

    def pull() -> np.ndarray:
        return network.stored(owner, name).reshape(-1)

    def push(values: np.ndarray) -> None:
        shape = network.stored(owner, name).shape
        if values.size != np.prod(shape, dtype=int):
            raise ValidationError(
                f"push_to_device: '{owner}' has other synapses by now. Call "
                "pull_from_device before numbers are changed."
            )
        network.set_stored(owner, name, values.reshape(shape))

    return GroupVariable(pull, push)


class GennModel:
    """The parts of GeNN's model that scripts written for mlGeNN look at.

    Times of its kernels are nan: the embedded engine has none, and does not measure.
    """

    neuron_update_time = nan
    presynaptic_update_time = nan
    postsynaptic_update_time = nan
    synapse_dynamics_time = nan
    init_time = nan

    def __init__(self, network: NetworkValues) -> None:
        self._network = network

    @property
    def timestep(self) -> int:
        """Time steps of the batch that are over."""
        return self._network.timestep

    @property
    def t(self) -> float:
        """Time in the batch [ms]."""
        return self.timestep * self.dt

    @property
    def dt(self) -> float:
        """Time step [ms]."""
        return self._network.dt

    @property
    def batch_size(self) -> int:
        """Examples in a batch."""
        return self._network.batch_size

    def custom_update(self, name: str) -> None:
        """Calls one of the network's custom updates."""
        self._network.custom_update(name)

    def get_custom_update_time(self, name: str) -> float:
        """Not measured: nan."""
        return nan
