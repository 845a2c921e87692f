"""Compiled networks: evaluation, prediction, state and checkpoints."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np

from ml_genn.backends.api import Model
from ml_genn.callbacks.callback_list import CallbackList
from ml_genn.callbacks.progress import RunProgress, Verbose
from ml_genn.communicators import Communicator
from ml_genn.compiled.built_model import BuiltModel
from ml_genn.compiled.checkpoint.checkpoint_manager import CheckpointManager
from ml_genn.compiled.checkpoint.model_file import compiled_contents
from ml_genn.compiled.checkpoint.training_progress import TrainingProgress
from ml_genn.compiled.configuration import RuntimeConfig
from ml_genn.compiled.genn_compat import (
    CustomUpdates,
    GennView,
    NeuronGroup,
    SynapseGroup,
    reset_in_step,
)
from ml_genn.compiled.lookup import NetworkLookup
from ml_genn.compiled.running.callback_lists import (
    Callbacks,
    callbacks_for,
    display_of,
    warn_of_uncalled,
)
from ml_genn.compiled.running.evaluation import (
    evaluate,
    predict,
    readout_keys,
)
from ml_genn.compiled.running.manual_stepping import ManualStepping
from ml_genn.compiled.running.stepping import BatchRunner
from ml_genn.compiled.state import NetworkState
from ml_genn.connection import Connection
from ml_genn.errors import TrainingWarning, ValidationError
from ml_genn.graph.decisions import keep_decisions
from ml_genn.losses import Loss
from ml_genn.lowering import Lowered
from ml_genn.metrics import MetricsType
from ml_genn.model.engine_memory import HoldsEngine
from ml_genn.model.snapshot import Snapshot
from ml_genn.network import Network
from ml_genn.optimisers import Optimiser
from ml_genn.population import Population
from ml_genn.serialisers import AnySerialiser
from ml_genn.serialisers.safetensors import write_file
from ml_genn.summary import Summary, compiled_summary
from ml_genn.training.data.adapter import adapt
from ml_genn.training.data.batches import DataSpec, InMemoryData
from ml_genn.training.data.example_weights import ExampleWeights
from ml_genn.training.data.examples import encode_examples
from ml_genn.training.data.streams import KeyedBatches, StreamedData
from ml_genn.training.loop import MetricAccumulator
from ml_genn.training.metrics import metrics_by_output
from ml_genn.training.results import EvaluationResult, PredictionResult
from ml_genn.utils.checks import file_path, shown, whole
from ml_genn.utils.synonyms import AnswersSynonyms


class CompiledNetwork(AnswersSynonyms, HoldsEngine):
    """A network that can be evaluated; compilers return it.

    The model is built at first use. A ``with`` block, as in mlGeNN, is optional. It
    builds the model and changes nothing else: entered again after training, the network
    goes on with its trained weights, where mlGeNN starts from the initial ones. That is
    warned of; for initial weights, for example for each fold of a cross-validation,
    compile again.

    Args:
        network: the network.
        lowered: its plan and initial values, as a compiler lowers it.
        config: backend, seed and sizes, from `Compiler.runtime_config`.
        losses: {output: loss}; None (default) without training.
        outputs: populations that are read; None (default) for all with a readout.
        progress: progress of training; None (default) without training.

    Attributes:
        network: the network.
        lowered: its plan and initial values.
        losses: {output: loss}; empty without training.
        custom_updates: {name: function without arguments}, which callbacks such as
            `CustomUpdateOnBatchEnd` call. "Reset" sets the state of all neurons, and
            their readouts, to that at the start of an example.
    """

    def __init__(
        self,
        network: Network,
        lowered: Lowered,
        config: RuntimeConfig,
        losses: Mapping[Population, Loss] | None = None,
        *,
        outputs: Sequence[Population] | None = None,
        progress: TrainingProgress | None = None,
    ) -> None:
        self.network = network
        self.lowered = lowered
        self.losses: Mapping[Population, Loss] = losses or {}
        self._config = config
        self._progress = progress
        self._entered = False
        self._built = BuiltModel(lowered, config)
        self._lookup = NetworkLookup(lowered, outputs)
        self._state = NetworkState(self._built, self._lookup)
        self._runner = BatchRunner(self._built, self._lookup, self.losses, progress)
        batch = self._runner.batch
        self._manual = ManualStepping(self._built, self._lookup, batch)
        # A method of this object would keep it alive after its last use.
        reset = partial(reset_in_step, batch, self._state, config.continue_state)
        self.custom_updates = CustomUpdates(Reset=reset)
        self._checkpoints = CheckpointManager(self._built, progress)
        self._genn = GennView(
            self._built,
            self._lookup,
            self._state,
            batch,
            self._manual,
            self.custom_updates,
        )
        keep_decisions(network, lowered.decisions, trains=progress is not None)

    @property
    def model(self) -> Model:
        """The model that runs the network, built at first access."""
        return self._built.model

    def __enter__(self) -> Self:
        """Builds the model; warns if the network was trained in an earlier block."""
        _ = self.model
        if self._entered and self._progress is not None and self._progress.steps_taken:
            warnings.warn(
                f"{type(self).__name__}: its 'with' block is entered again, and it "
                "goes on with the weights that it has learned; mlGeNN would start from "
                "the initial weights. Compile again to start from those.",
                TrainingWarning,
                stacklevel=2,
            )
        self._entered = True
        return self

    def __exit__(self, *_: object) -> None:
        """Does nothing: the network can still be used."""

    # ------------------------------------------------------------ sizes
    @property
    def dt(self) -> float:
        """Time step [ms]."""
        return self._config.dt

    @property
    def num_steps(self) -> int:
        """Time steps of an example."""
        return self._config.num_steps

    @property
    def num_recording_timesteps(self) -> int:
        """Time steps of an example that recorders record, which are all."""
        return self._config.num_steps

    @property
    def batch_size(self) -> int:
        """Examples in a batch of this process."""
        return self._config.batch_size

    @property
    def full_batch_size(self) -> int:
        """Examples in a batch, summed over all processes."""
        return self._config.full_batch_size

    @property
    def communicator(self) -> Communicator | None:
        """Connects the processes that run each batch together; None for one process."""
        return self._config.communicator

    # ------------------------------------------------------------ summary
    def summary(self, print_fn: Callable[[str], Any] = print) -> None:
        """Prints populations, connections and the choices of the compiler.

        Args:
            print_fn: called once with the text; `print` by default.
        """
        print_fn(self._summary().text())

    def _repr_html_(self) -> str:
        """Returns the summary as HTML, for notebooks."""
        return self._summary().html()

    def _summary(self) -> Summary:
        return compiled_summary(self, self.lowered, self.num_steps)

    # ------------------------------------------------------------ populations
    @property
    def spiking(self) -> tuple[Population, ...]:
        """Populations that spike, without inputs."""
        return self._lookup.spiking

    @property
    def inputs(self) -> tuple[Population, ...]:
        """Populations that receive data."""
        return self._lookup.inputs

    @property
    def outputs(self) -> tuple[Population, ...]:
        """Populations that are read."""
        return self._lookup.outputs

    def is_sparse(self, connection: Any) -> bool:
        """True if a connection or layer stores a list of synapses."""
        return self._lookup.is_sparse(connection)

    def shares_weights(self, connection: Any) -> bool:
        """True if the synapses of a connection or layer share a kernel."""
        return self._lookup.shares_weights(connection)

    def variables(self, population: Any) -> list[str]:
        """Returns the names of state variables, adjoints and learned parameters.

        Args:
            population: population or layer.
        """
        return self._lookup.variables(population)

    def learned_parameters(self, population: Any) -> list[str]:
        """Returns the names of a population's learned parameters.

        Args:
            population: population or layer.
        """
        return self._lookup.learned(population)

    def parameter_values(self, population: Any, name: str) -> np.ndarray | None:
        """Returns a parameter of a population that is not learned, (neurons,).

        Args:
            population: population or layer.
            name: our name or mlGeNN's, for example "v_thresh" or "Vthresh".

        Returns:
            The values; None if the neuron has no such parameter, or learns it.
        """
        return self._lookup.parameter_values(population, name)

    def variable(self, population: Any, name: str) -> str:
        """Returns our name of a state variable.

        Args:
            population: population or layer.
            name: our name or mlGeNN's, for example "v" or "V".

        Raises:
            UnknownNameError: if there is none, with the names of the variables.
        """
        return self._lookup.variable(population, name)

    def check_rewired(self, connection: Connection) -> None:
        """Raises an error if Deep-R does not rewire a connection.

        Raises:
            ValidationError: if it is not in the compiler's ``deep_r_conns``.
        """
        self._lookup.check_rewired(connection)

    def spikes(self, population: str) -> bool:
        """True if a population can spike.

        Args:
            population: name of the population.
        """
        return self._lookup.spikes(population)

    def check_spikes(self, population: str) -> None:
        """Raises an error if a population never spikes.

        Args:
            population: name of the population.

        Raises:
            ValidationError: if there is nothing to record.
        """
        self._lookup.check_spikes(population)

    def negative_spikes(self, population: str) -> str:
        """Returns the name of the neuron group of a population's negative spikes.

        Args:
            population: name of the population.

        Raises:
            ValidationError: if it has none.
        """
        return self._lookup.negative_spikes(population)

    # ------------------------------------------------------------ synapses and state
    def weights(self, connection: Any) -> np.ndarray:
        """Returns a copy of the current weights of a connection or layer.

        Of shape (source size, target size); (synapses,), in the order of `indices`,
        if connections are sparse; of the shape of the kernel of a convolution.
        """
        return self._state.weights(connection)

    def set_weights(self, connection: Any, weights: Any) -> None:
        """Replaces the weights of a connection or layer.

        Args:
            connection: connection or layer.
            weights: array of the shape of `weights`.

        Raises:
            ValidationError: if the shape is another or a weight is not finite.
        """
        self._state.set_weights(connection, weights)

    def delays(self, connection: Any) -> np.ndarray:
        """Returns the delays of a connection or layer [steps], shaped as its weights.

        A single number if all are equal. Learned delays are not integers; spikes are
        delivered after the nearest integer.
        """
        return self._state.delays(connection)

    def indices(self, connection: Any) -> tuple[np.ndarray, np.ndarray]:
        """Returns source and target neuron of each synapse of a sparse connection.

        Args:
            connection: connection or layer.

        Raises:
            ValidationError: if the connection is dense, or synapses share weights.
        """
        return self._state.indices(connection)

    def state(self, population: Any, variable: str) -> np.ndarray:
        """Returns a state variable in a callback of a time step, (examples,) + shape.

        After a batch it has the value of the last time step, if `neuron_populations`
        was accessed before or the batch ran with a callback of the user's own.

        Args:
            population: population or layer.
            variable: name of the variable, for example "v".

        Raises:
            UnknownNameError: if there is no such variable.
        """
        return self._state.state(population, variable)

    def set_state(self, population: Any, variable: str, values: Any) -> None:
        """Replaces a state variable in a callback of a time step.

        Args:
            population: population or layer.
            variable: name of the variable.
            values: one number for each neuron of each example.

        Raises:
            ValidationError: if the number of values is another or one is not finite.
        """
        self._state.set_state(population, variable, values)

    # ------------------------------------------------------------ evaluation
    @property
    def data_spec(self) -> DataSpec:
        """Inputs, outputs and sizes that data are checked against."""
        return self._runner.data_spec

    @property
    def stop_training(self) -> bool:
        """True if training ends after the batch; callbacks set it."""
        return self._runner.stop_training

    @stop_training.setter
    def stop_training(self, stop: bool) -> None:
        self._runner.stop_training = stop

    def evaluate(
        self,
        x: Any,
        y: Any = None,
        metrics: MetricsType | None = None,
        callbacks: Callbacks = None,
        sample_weight: Any = None,
        class_weight: Any = None,
        *,
        verbose: Verbose = "auto",
        batch_size: int | None = None,
    ) -> EvaluationResult:
        """Computes metrics and loss over a data set.

        Args:
            x: {input: examples}, the examples of the only input, or (without y) an
                iterable of batches (x, y).
            y: {output: targets}, or the targets of the only output; None (default) if
                batches contain their targets.
            metrics: a metric or its name, several in a list or as {name: metric}, or
                {output: any of these}. None (default) for the one that fits the loss:
                accuracy for cross-entropies, the error for values and trajectories.
                Without a loss it is the accuracy of labels or one-hot targets.
            callbacks: callbacks; none by default.
            sample_weight: weight of each example in loss and metrics, one number each,
                or {output: numbers}; 1 by default. The loss is the sum over examples
                divided by their number, metrics are divided by the sum of weights.
            class_weight: {label: weight of its examples}, or {output: {label:
                number}}; 1 for labels that are not listed.
            verbose: 0 for silence, 1 for a bar, 2 for a line; "auto" (default) for a
                bar, or silence if ``callbacks`` is an empty list.
            batch_size: None (default), or the number that the compiler received.

        Returns:
            ``metrics, data``, which are `Metrics` and data of callbacks.
            ``metrics["accuracy"]`` and ``metrics.loss`` are numbers.

        Raises:
            ValidationError: if the data do not fit the network.
        """
        self._check_batch_size("evaluate", batch_size)
        weights = ExampleWeights(sample_weight, class_weight)
        data = self._adapted(x, y, weights=weights)
        return self._evaluate(data, metrics, callbacks, verbose)

    def _adapted(self, x: Any, y: Any, **options: Any) -> InMemoryData | StreamedData:
        """Batches of a user's data, of which each process may have its own part."""
        data = adapt(x, y, self.data_spec, self.full_batch_size, **options)
        return (
            data.with_parts(self.communicator)
            if isinstance(data, InMemoryData)
            else data
        )

    def evaluate_batch_iter(
        self,
        inputs: Any,
        outputs: Any,
        data: Iterable[tuple[Any, Any]],
        num_batches: int | None = None,
        metrics: MetricsType | None = None,
        callbacks: Callbacks = None,
        *,
        verbose: Verbose = "auto",
    ) -> EvaluationResult:
        """Computes metrics and loss over batches (x, y) of an iterable.

        Args:
            inputs, outputs: one population or a sequence of them; with several, x and y
                are sequences in that order.
            data: yields batches.
            num_batches: number of batches; None (default) for all.
            metrics, callbacks, verbose: as for `evaluate`.
        """
        if num_batches is not None:
            num_batches = whole("evaluate_batch_iter: num_batches", num_batches)
        no_batches = isinstance(data, str | bytes) or hasattr(data, "__array__")
        if not isinstance(data, Iterable) or no_batches:
            raise ValidationError(
                "evaluate_batch_iter: data is an iterable of batches (x, y). Received "
                f"{shown(data)}."
            )
        for keys in (inputs, outputs):
            for key in keys if isinstance(keys, Sequence) else [keys]:
                self._lookup.population(key)
        batches = KeyedBatches(data, inputs, outputs)
        stream = StreamedData(
            batches, self.data_spec, self.full_batch_size, num_batches
        )
        return self._evaluate(stream, metrics, callbacks, verbose)

    def evaluate_batch(
        self,
        x: Any,
        y: Any,
        metrics: MetricsType | None = None,
        callbacks: Callbacks = (),
    ) -> EvaluationResult:
        """Computes metrics and loss of one batch, without a progress bar by default.

        Args:
            x, y, metrics: as for `evaluate`.
            callbacks: callbacks; none by default.
        """
        return self.evaluate(x, y, metrics, callbacks)

    def _evaluate(
        self,
        data: InMemoryData | StreamedData,
        metrics: MetricsType | None,
        callbacks: Callbacks,
        verbose: Verbose,
    ) -> EvaluationResult:
        accumulator = self._accumulator(data, metrics, weighted=True)
        listeners = self._listeners("evaluate", callbacks, data, verbose)
        evaluate(self._runner, data, accumulator, listeners, self.communicator)
        return EvaluationResult(accumulator.metrics, listeners.get_data())

    def _check_batch_size(self, where: str, batch_size: int | None) -> None:
        """Raises ValidationError for another batch size than the compiler's."""
        if batch_size is None:
            return
        if whole(f"{where}: batch_size", batch_size) != self.full_batch_size:
            raise ValidationError(
                f"{where}: batch_size is an argument of the compiler, which reserves "
                f"memory for it: EventPropCompiler(..., batch_size={batch_size}). This "
                f"network was compiled with batch_size={self.full_batch_size}."
            )

    def _listeners(
        self,
        where: str,
        callbacks: Callbacks,
        data: InMemoryData | StreamedData,
        verbose: Verbose,
    ) -> CallbackList:
        """Callbacks of evaluation or prediction."""
        display = display_of(where, verbose, callbacks, self)
        progress = RunProgress(display, where.capitalize(), data.num_batches)
        listeners = callbacks_for(
            self, callbacks, progress=progress, num_batches=data.num_batches
        )
        warn_of_uncalled(listeners)
        return listeners

    def _accumulator(
        self,
        data: InMemoryData | StreamedData,
        metrics: MetricsType | None,
        *,
        weighted: bool,
    ) -> MetricAccumulator:
        targets = data.targets if isinstance(data, InMemoryData) else {}
        keys = targets or self.outputs
        measured = metrics_by_output(metrics, keys, self.losses, targets)
        return MetricAccumulator(measured, weighted=weighted)

    def predict(
        self,
        x: Any,
        outputs: Any = None,
        callbacks: Callbacks = None,
        *,
        verbose: Verbose = "auto",
        batch_size: int | None = None,
    ) -> PredictionResult:
        """Returns readouts of outputs.

        Args:
            x: {input: examples}, or the examples of the only input.
            outputs: one population or layer or a sequence of them; None (default) for
                all.
            callbacks: callbacks; none by default.
            verbose, batch_size: as for `evaluate`.

        Returns:
            ``predictions, data``, which are `Predictions` (an array (examples,) + shape
            for each output) and data of callbacks. With one output
            ``predict(x).array`` is its array.

        Raises:
            ValidationError: if an output has no readout, or the data do not fit.
        """
        self._check_batch_size("predict", batch_size)
        keys = readout_keys(self._lookup, outputs)
        data = encode_examples(
            x, None, self.data_spec, self.full_batch_size, targets=False
        )
        listeners = self._listeners("predict", callbacks, data, verbose)
        readouts = predict(self._runner, data, keys, listeners, self.communicator)
        return PredictionResult(readouts, listeners.get_data())

    # ------------------------------------------------------------ manual stepping
    @property
    def timestep(self) -> int:
        """Completed time steps of the batch that runs or ran last."""
        return self._runner.batch.timestep

    def set_input(self, x: Any) -> None:
        """Sets the examples of the batch that `step_time` runs.

        Args:
            x: {input: examples}, or the examples of the only input.
        """
        data = encode_examples(x, None, self.data_spec, self.batch_size, targets=False)
        self._manual.set_input(data)

    def step_time(self, callback_list: CallbackList | None = None) -> None:
        """Advances the batch of `set_input` by one time step, without learning.

        Args:
            callback_list: callbacks of the time step; None (default) for none.
        """
        self._manual.step_time(callback_list)

    def reset_time(self) -> None:
        """Ends the batch of `set_input`; the next `step_time` is its first again."""
        self._manual.reset_time()

    def get_readout(self, outputs: Any) -> Any:
        """Returns readouts of the last batch; a batch of `set_input` ends.

        Args:
            outputs: a population or layer, or a sequence of them.

        Returns:
            An array (examples,) + shape, or a list of arrays.
        """
        return self._manual.readout(outputs)

    # ------------------------------------------------------------ checkpoints
    def snapshot(self) -> Snapshot:
        """Returns weights, delays, synapses and progress of training."""
        return self._checkpoints.snapshot()

    def restore(self, snapshot: Snapshot) -> None:
        """Restores a snapshot.

        Args:
            snapshot: result of `snapshot`.

        Raises:
            CheckpointError: if an array does not fit, with its name; nothing has
                changed then.
        """
        self._checkpoints.restore(snapshot)

    def save(self, keys: Any = (), serialiser: AnySerialiser = "numpy") -> None:
        """Saves weights, delays, synapses and progress of training.

        Args:
            keys: name of the checkpoint, for example ``(epoch,)``.
            serialiser: a serialiser, its name or a folder, as for `Checkpoint`;
                "numpy" by default.
        """
        self._checkpoints.save(keys, serialiser)

    def save_connectivity(
        self, keys: Any = (), serialiser: AnySerialiser = "numpy"
    ) -> None:
        """Saves the indices of sparse connections, which `save` does as well.

        Args:
            keys, serialiser: as for `save`.
        """
        self._checkpoints.save_connectivity(keys, serialiser)

    def load(self, keys: Any = (), serialiser: AnySerialiser = "numpy") -> None:
        """Restores a checkpoint of `save`.

        Args:
            keys, serialiser: as for `save`.

        Raises:
            CheckpointError: if it is missing or damaged, or an array does not fit, with
                its name; nothing has changed then.
        """
        self._checkpoints.load(keys, serialiser)

    def save_model(self, path: str | Path, **info: Any) -> None:
        """Saves network, compiler, weights and progress of training in one file.

        Args:
            path: file, from which `ml_genn.load_model` returns the compiled network.
            **info: further facts to save, as JSON.

        Raises:
            UnsupportedError: if something cannot be saved, such as a lambda.
        """
        if self._checkpoints.writes_files:
            config, state = self._config.compile_config, self.snapshot()
            contents = compiled_contents(self.network, config, state, info)
            write_file(file_path("save_model: path", path), contents)

    # ------------------------------------------------------------ mlGeNN's scripts
    @property
    def optimisers(self) -> list[tuple[Optimiser, list[Any]]]:
        """(optimiser, keys of the arrays that it updates); none without training."""
        return []

    def check_custom_update(self, name: str) -> None:
        """Raises an error if there is no custom update of a name.

        Raises:
            UnknownNameError: with the names that there are.
        """
        self.custom_updates.check(name)

    def custom_update(self, name: str) -> None:
        """Calls a function of ``custom_updates``.

        Args:
            name: its key.

        Raises:
            UnknownNameError: if there is none.
        """
        self.custom_updates.run(name)

    @property
    def neuron_populations(self) -> Mapping[Any, NeuronGroup]:
        """``{population or layer: group with vars}``, as in mlGeNN.

        After the first access, state variables and the spikes of populations with
        ``record_spikes=True`` stay readable after each batch.
        """
        self._runner.exposes_state = True
        return self._genn.neuron_populations

    @property
    def connection_populations(self) -> Mapping[Any, SynapseGroup]:
        """``{connection or layer: group with vars}``, as in mlGeNN."""
        return self._genn.connection_populations

    @property
    def genn_model(self) -> Any:
        """PyGeNN's model; other backends provide its time and custom updates only."""
        return self._genn.genn_model
