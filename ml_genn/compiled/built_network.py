"""What a compiled network is: its model, its parts and their names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self

from ml_genn.backends.api import Model
from ml_genn.communicators import Communicator
from ml_genn.compiled.processes import join
from ml_genn.compiled.settings import Settings
from ml_genn.connection import Connection
from ml_genn.errors import ValidationError, unknown_name
from ml_genn.graph.graph import get_underlying_conn, get_underlying_pop
from ml_genn.losses import Loss
from ml_genn.lowering import Lowered
from ml_genn.lowering.neurons.inputs import negative
from ml_genn.model.plan import Format
from ml_genn.network import Network
from ml_genn.neurons import Input
from ml_genn.population import Population
from ml_genn.summary import Summary, compiled_summary
from ml_genn.utils.genn_names import our_name


class BuiltNetwork:
    """A network and the model that runs it, which is built when first used.

    Attributes:
        custom_updates: {name: function of no arguments}, to be called by callbacks such
            as `CustomUpdateOnBatchEnd`.
        timestep: time steps of the batch that are over.
    """

    def __init__(
        self,
        network: Network,
        lowered: Lowered,
        settings: Settings,
        losses: Mapping[Population, Loss] | None = None,
    ) -> None:
        self.network = network
        self.losses: Mapping[Population, Loss] = losses or {}
        self._lowered = lowered
        self._settings = settings
        self._model: Model | None = None
        self.timestep = 0
        self.custom_updates: dict[str, Callable[[], Any]] = {}

    # ------------------------------------------------------------ life
    @property
    def model(self) -> Model:
        """The built model; building happens at first use."""
        if self._model is None:
            self._model = self._settings.backend.build(
                self._lowered.plan,
                self._lowered.values,
                num_threads=self._settings.num_threads,
                seed=self._settings.seed,
                batch_size=self._settings.batch_size,
                arguments=self._settings.genn_kwargs,
            )
            if self.communicator is not None:
                join(self._model, self.communicator)
        return self._model

    def __enter__(self) -> Self:
        _ = self.model
        return self

    def __exit__(self, *_: object) -> None:
        """Leaves the network as it is; it can still be used."""

    @property
    def dt(self) -> float:
        """Time step [ms]."""
        return self._settings.dt

    @property
    def num_steps(self) -> int:
        """Time steps of an example."""
        return self._settings.num_steps

    @property
    def num_recording_timesteps(self) -> int:
        """Time steps that recorders keep of an example, which are all."""
        return self.num_steps

    @property
    def batch_size(self) -> int:
        """Examples in a batch, or in this process's share of it."""
        return self._settings.batch_size

    @property
    def full_batch_size(self) -> int:
        """Examples in a batch, those of all processes."""
        communicator = self.communicator
        return self.batch_size * (1 if communicator is None else communicator.num_ranks)

    @property
    def communicator(self) -> Communicator | None:
        """How processes talk to each other; None for one process."""
        return self._settings.communicator

    def summary(self, print_fn: Callable[[str], Any] = print) -> None:
        """Prints what runs, with the choices that the compiler made.

        Args:
            print_fn: called once with the text; `print` by default.
        """
        print_fn(self._summary().text())

    def _repr_html_(self) -> str:
        """The summary, as notebooks show it."""
        return self._summary().html()

    def _summary(self) -> Summary:
        return compiled_summary(self, self._lowered, self._settings.num_steps)

    # ------------------------------------------------------------ parts
    @property
    def spiking(self) -> tuple[Population, ...]:
        """Populations that spike, inputs left out."""
        plan = self._lowered.plan
        found = [p for p in self._lowered.neurons if plan.neuron(p.name).spikes]
        return tuple(p for p in found if p not in self.inputs)

    @property
    def inputs(self) -> tuple[Population, ...]:
        """Populations that are given data."""
        found = self._lowered.neurons.items()
        return tuple(p for p, neuron in found if isinstance(neuron, Input))

    @property
    def outputs(self) -> tuple[Population, ...]:
        """Populations with a readout."""
        return tuple(p for p, n in self._lowered.neurons.items() if n.readout)

    def _connection(self, connection: Any) -> Connection:
        found = get_underlying_conn(connection)
        if found not in self._lowered.synapses:
            raise ValidationError(
                f"Connection '{found.name}' does not belong to this network."
            )
        return found

    def _population(self, population: Any) -> Population:
        found = get_underlying_pop(population)
        if found not in self._lowered.neurons:
            raise ValidationError(
                f"Population '{found.name}' does not belong to this network."
            )
        return found

    def is_sparse(self, connection: Any) -> bool:
        """Whether a connection or layer has a list of synapses."""
        return self._format(connection) is Format.SPARSE

    def shares_weights(self, connection: Any) -> bool:
        """Whether the synapses of a connection or layer share a kernel."""
        return self._format(connection) is Format.KERNEL

    def _format(self, connection: Any) -> Format:
        return self._lowered.plan.synapse(self._connection(connection).name).format

    def variables(self, population: Any) -> list[str]:
        """Names of a population's state variables and learned parameters."""
        group = self._lowered.plan.neuron(self._population(population).name)
        known = [v.name for v in group.variables]
        if group.readout:
            known += [name for name, _ in group.readout.variables]
        if group.adjoint and not self._lowered.plan.online:
            known += group.adjoint.variables
        return [*known, *self.learned_parameters(population)]

    def learned_parameters(self, population: Any) -> list[str]:
        """Names of a population's parameters that are learned."""
        group = self._lowered.plan.neuron(self._population(population).name)
        return [parameter.name for parameter in group.learned]

    def variable(self, population: Any, name: str) -> str:
        """The name of a state variable, which may be given as mlGeNN's.

        Raises:
            UnknownNameError: if there is none, with the variables that there are.
        """
        learned = self.learned_parameters(population)
        known = [v for v in self.variables(population) if v not in learned]
        found = our_name(name, known)
        if found not in known:
            where = f"Population '{self._population(population).name}'"
            raise unknown_name("variable", name, known, where=where)
        return found

    # ------------------------------------------------------------ checks
    def check_rewired(self, connection: Connection) -> None:
        """Refuses a connection that Deep-R does not rewire.

        Raises:
            ValidationError: if there is nothing to record.
        """
        if not self._lowered.plan.synapse(self._connection(connection).name).rewired:
            raise ValidationError(
                f"Connection '{connection.name}' is not rewired. Give it to the "
                "compiler in deep_r_conns."
            )

    def check_spikes(self, population: str) -> None:
        """Refuses a population that never spikes.

        Raises:
            ValidationError: if there is nothing to record.
        """
        if not self._lowered.plan.neuron(population).spikes:
            raise ValidationError(
                f"Population '{population}' never spikes, so there are no spikes to "
                "record. Record a variable with VarRecorder instead."
            )

    def negative_spikes(self, population: str) -> str:
        """The group of a population's negative spikes.

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

    def check_custom_update(self, name: str) -> None:
        """Refuses a custom update that there is not.

        Raises:
            UnknownNameError: with those that there are.
        """
        if name not in self.custom_updates:
            raise unknown_name("custom update", name, self.custom_updates)
