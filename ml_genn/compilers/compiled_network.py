"""Networks that run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np

from ml_genn.backends import Backend
from ml_genn.backends.seam import Model
from ml_genn.callbacks import BatchProgressBar, Callback
from ml_genn.communicators import Communicator
from ml_genn.communicators.communicator import is_first
from ml_genn.compilers.by_hand import ByHand, shaped
from ml_genn.compilers.checkpoints import restore, snapshot_of
from ml_genn.compilers.groups import (
    ConnectionDict,
    GennModel,
    NeuronGroup,
    SynapseGroup,
)
from ml_genn.compilers.lowering import Lowered
from ml_genn.compilers.lowering.inputs import negative
from ml_genn.compilers.processes import join
from ml_genn.compilers.recipe import Recipe, compiled_model
from ml_genn.connection import Connection
from ml_genn.errors import ValidationError, unknown_name
from ml_genn.losses import Loss
from ml_genn.metrics import Metric, MetricsType, metric_of
from ml_genn.model.batch import Mode, Outcome, Record
from ml_genn.model.plan import Format
from ml_genn.model.snapshot import DELAYS, SOURCES, TARGETS, WEIGHTS, Snapshot
from ml_genn.network import Network
from ml_genn.neurons import Input
from ml_genn.optimisers import Optimiser
from ml_genn.population import Population
from ml_genn.serialisers import Serialiser, as_keys, get_serialiser
from ml_genn.serialisers.safetensors import write_file
from ml_genn.summary import Summary, compiled_summary
from ml_genn.training.data import (
    Batch,
    DataSpec,
    InMemory,
    Keyed,
    Streamed,
    adapt,
    in_memory,
)
from ml_genn.training.loop import BatchResult, Tally, run_epoch, telling
from ml_genn.training.results import PopulationDict, population_items
from ml_genn.training.weights import Weights
from ml_genn.utils.callback_list import CallbackList
from ml_genn.utils.checks import finite_array
from ml_genn.utils.genn_names import our_name
from ml_genn.utils.interrupts import uninterrupted
from ml_genn.utils.network import get_underlying_conn, get_underlying_pop

Callbacks = Sequence[Callback | str] | None


@dataclass(frozen=True, slots=True, eq=False)
class Settings:
    """How a compiled network runs.

    Args:
        backend: what builds and runs it.
        num_threads: threads; None for as many as the process may use.
        seed: seed of random numbers.
        dt: time step [ms].
        num_steps: time steps of an example.
        batch_size: examples in a batch.
        communicator: how processes talk to each other; None for one process.
        keep_state: whether a batch starts in the state in which the last one ended.
        recipe: how the network was compiled, for it to be saved.
        genn_kwargs: arguments for GeNN, where it runs the network.
    """

    backend: Backend
    num_threads: int | None
    seed: int
    dt: float
    num_steps: int
    batch_size: int
    communicator: Communicator | None = None
    keep_state: bool = False
    recipe: Recipe | None = None
    genn_kwargs: Mapping[str, Any] = field(default_factory=dict)


class CompiledNetwork:
    """A network that can be evaluated; made by a compiler.

    It is built when first used. A ``with`` block is not needed, but does no harm.

    Attributes:
        custom_updates: {name: function of no arguments}, to be called by callbacks such
            as `CustomUpdateOnBatchEnd`.
        timestep: time steps of the batch that are over.
        stop_training: set by callbacks to end training.
    """

    stop_training: bool = False

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
        self._hand = ByHand(self)
        self._looks = False
        self.timestep = 0
        self._genn_model = GennModel(self)
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

    @property
    def genn_model(self) -> Any:
        """PyGeNN's model, where it runs the network; else what scripts look at of it.

        That is time and custom updates, for scripts written for mlGeNN.
        """
        if self._settings.backend.genn:
            return self.model.genn_model  # type: ignore[attr-defined]
        return self._genn_model

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
        """Time steps that recorders keep of an example: all of them."""
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

    # ------------------------------------------------------------ numbers
    def weights(self, connection: Any) -> np.ndarray:
        """A copy of the current weights of a connection or layer.

        Of shape (source size, target size); (synapses,), in the order of `indices`,
        where they are sparse; of the shape of the kernel of a convolution.
        """
        return self.model.weights(self._connection(connection).name)

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

    def is_sparse(self, connection: Any) -> bool:
        """Whether a connection or layer has a list of synapses."""
        return self._format(connection) is Format.SPARSE

    def shares_weights(self, connection: Any) -> bool:
        """Whether the synapses of a connection or layer share a kernel."""
        return self._format(connection) is Format.KERNEL

    def _format(self, connection: Any) -> Format:
        return self._lowered.plan.synapse(self._connection(connection).name).format

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

    @cached_property
    def neuron_populations(self) -> Mapping[Any, NeuronGroup]:
        """{population or layer: its group, with ``vars``}, for mlGeNN's scripts.

        From the first use on, state is kept when a batch is through.
        """
        self._looks = True
        return PopulationDict({p: NeuronGroup(self, p) for p in self._lowered.neurons})

    @cached_property
    def connection_populations(self) -> Mapping[Any, SynapseGroup]:
        """{connection or layer: its group, with ``vars``}, for mlGeNN's scripts."""
        groups = {c: SynapseGroup(self, c) for c in self._lowered.synapses}
        return ConnectionDict(groups)

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

    # ------------------------------------------------------------ updates
    @property
    def optimisers(self) -> list[tuple[Optimiser, list[Any]]]:
        """Each optimiser, and what it changes; none where nothing is learned."""
        return []

    def check_custom_update(self, name: str) -> None:
        """Refuses a custom update that there is not.

        Raises:
            UnknownNameError: with those that there are.
        """
        if name not in self.custom_updates:
            raise unknown_name("custom update", name, self.custom_updates)

    def custom_update(self, name: str) -> None:
        """Calls a function of ``custom_updates``."""
        self.check_custom_update(name)
        self.custom_updates[name]()

    # ------------------------------------------------------------ saving
    def snapshot(self) -> Snapshot:
        """All that the network is at the moment, as arrays and facts."""
        return snapshot_of(self.model, self._lowered, self._progress())

    def restore(self, snapshot: Snapshot) -> None:
        """Goes back to a snapshot.

        Raises:
            CheckpointError: if it does not fit, by the name of what does not; nothing
                has changed then.
        """
        set_progress = self._checked_progress(snapshot)
        with uninterrupted():
            restore(self.model, self._lowered, snapshot)
            set_progress()

    def save(self, keys: Any = (), serialiser: Serialiser | str = "numpy") -> None:
        """Saves weights, delays, synapses and all that training needs to go on.

        Args:
            keys: names what is saved, for example ``(epoch,)``.
            serialiser: a serialiser or its name, "numpy" by default.
        """
        with uninterrupted():
            if self._writes:
                get_serialiser(serialiser).save(as_keys(keys), self.snapshot())

    def save_connectivity(
        self, keys: Any = (), serialiser: Serialiser | str = "numpy"
    ) -> None:
        """Saves which neurons sparse connections connect; `save` does so, too.

        Args:
            keys, serialiser: as for `save`.
        """
        found = get_serialiser(serialiser)
        for key, array in self.snapshot().arrays.items():
            if key[1] in (SOURCES, TARGETS):
                found.serialise((*as_keys(keys), *key), array)

    def load(self, keys: Any = (), serialiser: Serialiser | str = "numpy") -> None:
        """Goes back to what was saved.

        Args:
            keys, serialiser: as for `save`.

        Raises:
            CheckpointError: if it is missing, damaged or does not fit, by the name of
                what does not; nothing has changed then.
        """
        if self.communicator is not None:
            self.communicator.barrier()  # so that the first process has written it
        self.restore(get_serialiser(serialiser).load(as_keys(keys)))

    def save_model(self, path: str | Path, **info: Any) -> None:
        """Saves the network, how it was compiled and all that it is at the moment.

        Args:
            path: a file, from which `ml_genn.load_model` makes it without the script.
            **info: facts that are kept with it, as JSON.

        Raises:
            UnsupportedError: if something cannot be saved, such as a lambda.
        """
        if self._writes:
            write_file(Path(path), compiled_model(self, self._settings.recipe, info))

    @property
    def _writes(self) -> bool:
        """Whether this process writes files: the first of several does."""
        return is_first(self.communicator)

    def _progress(self) -> Any:
        """How far training is; None where nothing is trained."""
        return None

    def _checked_progress(self, snapshot: Snapshot) -> Callable[[], None]:
        """What puts back how far training was."""
        return lambda: None

    # ------------------------------------------------------------ data
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

    def _spec(self) -> DataSpec:
        plans = {p: self._lowered.plan.neuron(p.name).loss for p in self.outputs}
        return DataSpec(
            inputs=self.inputs,
            outputs=self.outputs,
            losses=self.losses,
            num_steps=self.num_steps,
            dt=self.dt,
            prepare=self.model.prepare,
            each_step=frozenset(
                p for p, loss in plans.items() if loss and loss.per_step
            ),
        )

    def _metrics(self, metrics: MetricsType, keys: Iterable[Any]) -> dict[Any, Metric]:
        keys = list(keys)
        named = isinstance(metrics, Mapping) and any(
            isinstance(key, str) for key in metrics
        )
        if isinstance(metrics, Mapping) and not named:
            given = population_items(metrics)
            known = {get_underlying_pop(k): k for k in keys}
            if set(given) != set(known):
                raise ValidationError(
                    "Metrics: a dictionary has one entry for each of the outputs "
                    f"{sorted(p.name for p in known)}. Received entries for "
                    f"{sorted(p.name for p in given)}."
                )
            found = {key: given[p][1] for p, key in known.items()}
        else:
            found = dict.fromkeys(keys, metrics)
        result: dict[Any, Metric] = {}
        used: list[Metric] = []
        for key, given in found.items():
            made = metric_of(given, str(key))
            own = list(made.named().values())
            twice = any(metric in used for metric in own)
            result[key] = made.fresh() if twice else made
            used += own
        return result

    # ------------------------------------------------------------ running
    def evaluate(
        self,
        x: Any,
        y: Any = None,
        metrics: MetricsType = "sparse_categorical_accuracy",
        callbacks: Callbacks = None,
        sample_weight: Any = None,
        class_weight: Any = None,
    ) -> tuple[PopulationDict, dict[Any, Any]]:
        """Measures how good the network is.

        Args:
            x: {input: examples}, the examples of the only input, or (without y) an
                iterable of batches (x, y).
            y: {output: targets}, or the targets of the only output.
            metrics: a metric or its name, several in a list or as {name: metric}, or
                {output: any of these}.
            callbacks: callbacks; a progress bar by default.
            sample_weight: how much each example counts for loss and metrics, one number
                each, or {output: numbers}. The loss is the sum over examples divided by
                their number, metrics are divided by the sum of weights.
            class_weight: {label: how much its examples count}, or {output: {label:
                number}}; 1 for labels that are not there.

        Returns:
            Metrics by output (their value is ``.result``), what callbacks collected.
        """
        weights = Weights(sample_weight, class_weight)
        data = adapt(x, y, self._spec(), self.full_batch_size, weights=weights)
        return self._evaluate(data, metrics, callbacks)

    def evaluate_batch_iter(
        self,
        inputs: Any,
        outputs: Any,
        data: Iterable[tuple[Any, Any]],
        num_batches: int | None = None,
        metrics: MetricsType = "sparse_categorical_accuracy",
        callbacks: Callbacks = None,
    ) -> tuple[PopulationDict, dict[Any, Any]]:
        """As `evaluate`, on batches that an iterable yields as (x, y).

        Args:
            inputs, outputs: one population or a sequence of them; with several, x and y
                are sequences in that order.
            data: yields batches.
            num_batches: how many to use; None (default) for all.
            metrics, callbacks: as for `evaluate`.
        """

        if num_batches is None and isinstance(data, Sized):
            num_batches = len(data)
        batches = Keyed(data, inputs, outputs)
        stream = Streamed(batches, self._spec(), self.full_batch_size, num_batches)
        return self._evaluate(stream, metrics, callbacks)

    def evaluate_batch(
        self,
        x: Any,
        y: Any,
        metrics: MetricsType = "sparse_categorical_accuracy",
        callbacks: Callbacks = (),
    ) -> tuple[PopulationDict, dict[Any, Any]]:
        """As `evaluate`, for one batch and without a progress bar by default."""
        return self.evaluate(x, y, metrics, callbacks)

    def _evaluate(
        self, data: InMemory | Streamed, metrics: MetricsType, callbacks: Callbacks
    ) -> tuple[PopulationDict, dict[Any, Any]]:
        keys = data.targets if isinstance(data, InMemory) else self.outputs
        tally = Tally(self._metrics(metrics, keys), weighted=True)
        hooks = self._callbacks(callbacks, num_batches=data.num_batches)
        self._test(data, tally, hooks)
        return tally.metrics, hooks.get_data()

    def _test(
        self, data: InMemory | Streamed, tally: Tally, hooks: CallbackList
    ) -> None:
        with telling(hooks):
            hooks.call("on_test_begin")
            run_epoch(self, data, tally, hooks, communicator=self.communicator)
            hooks.call("on_test_end", tally.metrics)

    def predict(
        self, x: Any, outputs: Any = None, callbacks: Callbacks = None
    ) -> tuple[PopulationDict, dict[Any, Any]]:
        """Readouts of outputs.

        Args:
            x: {input: examples}, or the examples of the only input.
            outputs: one population or layer or a sequence of them; None (default) for
                all.
            callbacks: callbacks; a progress bar by default.

        Returns:
            {output: array (examples,) + shape}, and what callbacks collected.
        """
        keys = self.outputs if outputs is None else outputs
        keys = list(keys) if isinstance(keys, Sequence) else [keys]
        for key in keys:
            if get_underlying_pop(key) not in self.outputs:
                raise ValidationError(
                    f"predict: '{key}' has no readout. Outputs of this network: "
                    f"{[p.name for p in self.outputs]}."
                )
        data = in_memory(x, None, self._spec(), self.full_batch_size, targets=False)
        hooks = self._callbacks(callbacks, num_batches=data.num_batches)
        parts: dict[Any, list[np.ndarray]] = {key: [] for key in keys}
        nothing = PopulationDict()
        with telling(hooks):
            hooks.call("on_test_begin")
            for number, whole in enumerate(data.batches()):
                batch = whole.shared(self.communicator)
                hooks.call("on_batch_begin", number)
                result = self.run_batch(batch, hooks, number, train=False)
                for key in keys:
                    part = result.predictions[get_underlying_pop(key)]
                    parts[key].append(whole.gathered(part, self.communicator))
                hooks.call("on_batch_end", number, nothing)
            hooks.call("on_test_end", nothing)
        found = {key: np.concatenate(part) for key, part in parts.items()}
        return PopulationDict(found), hooks.get_data()

    def _callbacks(
        self, callbacks: Callbacks, own: Sequence[Callback] = (), **params: Any
    ) -> CallbackList:
        listed = [BatchProgressBar()] if callbacks is None else callbacks
        if own and isinstance(listed, Iterable) and not isinstance(listed, str):
            listed = [*listed, *own]
        return CallbackList(listed, compiled_network=self, **params)

    def begin_batch(self) -> None:
        """Called before training on a batch; an evaluated network has nothing to do."""

    def run_batch(
        self, batch: Batch, callbacks: CallbackList, number: int, *, train: bool
    ) -> BatchResult:
        """Runs a batch and tells callbacks what was recorded."""
        trajectories = self._trajectories(batch)
        mode = Mode(
            backward=train,
            update=train,
            spikes=callbacks.spikes,
            records=(*callbacks.records, *trajectories.values()),
            keep_state=self._settings.keep_state,
            share=batch.share,
            state=self._looks or callbacks.looks,
            ahead=batch.ahead,
        )
        run = self._run_steps if callbacks.steps else self._run_whole
        outcome = run(batch, mode, callbacks)
        self._hand.keep(outcome.results)
        callbacks.call("on_recorded", number, outcome)
        predictions = PopulationDict()
        for population in self.outputs:
            shape = (batch.size, *(population.shape or ()))
            values = outcome.results[population.name].reshape(shape)
            if population in trajectories:
                values = outcome.records[trajectories[population]].reshape(
                    batch.size, self.num_steps, *shape[1:]
                )
            predictions[population] = values
        trained = bool(self.losses) and bool(batch.targets)
        loss = float(outcome.losses.sum(dtype=np.float64)) if trained else None
        return BatchResult(predictions, loss, outcome.finite)

    def _trajectories(self, batch: Batch) -> dict[Population, Record]:
        """Outputs whose targets have a time axis, so that all steps are compared."""
        found = {}
        for key, values in batch.targets.items():
            population = get_underlying_pop(key)
            output = self._lowered.plan.neuron(population.name).output
            shape = (batch.size, self.num_steps, *(population.shape or ()))
            if output is not None and values.shape == shape:
                found[population] = Record(population.name, output)
        return found

    def _run_whole(self, batch: Batch, mode: Mode, callbacks: CallbackList) -> Outcome:
        with uninterrupted():
            outcome = self.model.run(batch.prepared, batch.indices, mode)
            self.timestep = self.num_steps
            return self._ran(outcome, mode)

    def _run_steps(self, batch: Batch, mode: Mode, callbacks: CallbackList) -> Outcome:
        self.model.begin_step(batch.prepared, batch.indices, mode)
        for step in range(self.num_steps):
            self.timestep = step
            callbacks.call("on_timestep_begin", step)
            self.model.step()
            self.timestep = step + 1
            callbacks.call("on_timestep_end", step)
        with uninterrupted():
            return self._ran(self.model.end_step(), mode)

    def _ran(self, outcome: Outcome, mode: Mode) -> Outcome:
        """Takes note of a batch that ran, which belongs to it: no Ctrl-C in between."""
        return outcome

    # ------------------------------------------------------------ by hand
    def set_input(self, x: Any) -> None:
        """Gives a batch that `step_time` runs.

        Args:
            x: {input: examples}, or the examples of the only input.
        """
        spec = self._spec()
        self._hand.set_input(in_memory(x, None, spec, self.batch_size, targets=False))
        self.timestep = 0

    def step_time(self, callback_list: CallbackList | None = None) -> None:
        """Advances the batch that was set by a time step, without learning.

        Args:
            callback_list: callbacks that are told of the step; None (default) for none.
        """
        if callback_list is not None:
            callback_list.call("on_timestep_begin", self.timestep)
        mode = Mode(keep_state=self._settings.keep_state, state=True)
        self.timestep = self._hand.step(mode)
        if callback_list is not None:
            callback_list.call("on_timestep_end", self.timestep - 1)

    def reset_time(self) -> None:
        """Ends the batch that was set; the next step is its first again."""
        self._hand.end()
        self.timestep = 0

    def get_readout(self, outputs: Any) -> Any:
        """Readouts of the batch that ran last; one that was set ends.

        Args:
            outputs: a population or layer, or a sequence of them.

        Returns:
            An array (examples,) + shape, or a list of them.
        """
        if isinstance(outputs, Sequence):
            return [self.get_readout(output) for output in outputs]
        found = self._population(outputs)
        return shaped(self._hand.result(found.name), found.shape)

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
