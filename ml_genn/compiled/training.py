"""Compiled networks that learn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Unpack, overload

import numpy as np

from ml_genn.callbacks import Callback
from ml_genn.callbacks.callback_list import CallbackList
from ml_genn.callbacks.progress import Display, RunProgress, Verbose, no_progress
from ml_genn.compiled.checkpoint.training_progress import TrainingProgress
from ml_genn.compiled.configuration import RuntimeConfig
from ml_genn.compiled.network import CompiledNetwork
from ml_genn.compiled.own_optimisers import OwnOptimisers
from ml_genn.compiled.running.callback_lists import (
    Callbacks,
    callbacks_for,
    display_of,
    of_validation,
    read_once,
    warn_of_no_validation,
)
from ml_genn.compiled.running.default_warnings import (
    activity_checks,
    warn_of_batch_size,
)
from ml_genn.compiled.running.train_options import TrainOptions
from ml_genn.compiled.running.training_loop import (
    Phase,
    TrainingLoop,
    held_out_data,
    results_of,
)
from ml_genn.errors import ValidationError
from ml_genn.losses import Loss
from ml_genn.lowering import Lowered
from ml_genn.metrics import MetricsType
from ml_genn.network import Network
from ml_genn.optimisers import Optimiser
from ml_genn.population import Population
from ml_genn.serialisers import AnySerialiser
from ml_genn.training.data.batches import InMemoryData
from ml_genn.training.data.example_weights import ExampleWeights
from ml_genn.training.data.examples import encode_examples
from ml_genn.training.data.streams import StreamedData
from ml_genn.training.data.validation_split import split_validation
from ml_genn.training.divergence import problem
from ml_genn.training.history import History
from ml_genn.training.loop import MetricAccumulator, run_epoch
from ml_genn.training.metrics import log_entries
from ml_genn.training.results import TrainingResult, ValidatedTrainingResult
from ml_genn.utils.checks import flag, items, number, whole
from ml_genn.utils.logs import VALIDATION, LogNames


class CompiledTrainingNetwork(CompiledNetwork):
    """A network that learns, and can be evaluated with its current weights.

    Args:
        network, lowered, config, losses: as for `CompiledNetwork`.
        optimiser: this network's optimiser.
        recorders: callbacks of the compiler, called in all training; none by default.
        own_optimisers: all optimisers of this network; None (default) for none.

    Attributes:
        optimiser: this network's optimiser. Changes of its attributes take effect with
            the next batch. It is the object that the compiler received if this is the
            first network compiled with it, else a copy.
    """

    def __init__(
        self,
        network: Network,
        lowered: Lowered,
        config: RuntimeConfig,
        losses: Mapping[Population, Loss],
        optimiser: Optimiser,
        recorders: Sequence[Callback] = (),
        own_optimisers: OwnOptimisers | None = None,
    ) -> None:
        progress = TrainingProgress(lowered, config.seed)
        super().__init__(network, lowered, config, losses, progress=progress)
        self._progress: TrainingProgress = progress
        self.optimiser = optimiser
        self._recorders = recorders
        self._own_optimisers = own_optimisers or OwnOptimisers()
        self._loop = TrainingLoop(self._runner, self._progress, config.communicator)

    @property
    def example_timesteps(self) -> int:
        """Time steps of an example."""
        return self.num_steps

    @property
    def history(self) -> History:
        """Loss and metrics of the last training by name and epoch."""
        return self._loop.history

    @property
    def divergence(self) -> str:
        """Clause that says what is not finite in the last batch; empty if all is."""
        divergence = self._runner.batch.divergence
        return problem(divergence) if divergence is not None else ""

    @property
    def epoch(self) -> int | None:
        """Number of the last epoch that began; None before training."""
        return self._progress.epoch

    @property
    def optimisers(self) -> list[tuple[Optimiser, list[Any]]]:
        """(optimiser, keys of the arrays that it updates, as in `gradients`)."""
        return [
            (optimiser, [self._lookup.learned_key(array) for array in arrays])
            for optimiser, arrays in self._progress.optimisers.items()
        ]

    def resume(self, serialiser: AnySerialiser = "numpy", keys: Any = None) -> int:
        """Restores a checkpoint, from which training continues as if uninterrupted.

        Weights, delays, parameters, synapses, the state of optimisers and all random
        states are restored:

            epoch = compiled.resume(Numpy("folder"))
            compiled.train(x, y, num_epochs=40 - epoch, start_epoch=epoch)

        Args:
            serialiser: serialiser of the callback `Checkpoint`, or its name; "numpy"
                by default.
            keys: name of the checkpoint; None (default) for the newest complete one.

        Returns:
            The epoch to start with, the one after the saved epoch.

        Raises:
            CheckpointError: if there is none, or it is damaged or does not fit.
        """
        if keys is None:
            self._checkpoints.load_newest(serialiser)
        else:
            self._checkpoints.load(keys, serialiser)
        return 0 if self.epoch is None else self.epoch + 1

    @overload
    def train(
        self,
        x: Any,
        y: Any = None,
        num_epochs: int = 1,
        start_epoch: int = 0,
        shuffle: bool = True,
        **options: Unpack[TrainOptions],
    ) -> TrainingResult: ...

    @overload
    def train(
        self,
        x: Any,
        y: Any = None,
        num_epochs: int = 1,
        start_epoch: int = 0,
        shuffle: bool = True,
        *,
        validation_split: float,
        **options: Unpack[TrainOptions],
    ) -> ValidatedTrainingResult: ...

    @overload
    def train(
        self,
        x: Any,
        y: Any = None,
        num_epochs: int = 1,
        start_epoch: int = 0,
        shuffle: bool = True,
        *,
        validation_data: Any,
        **options: Unpack[TrainOptions],
    ) -> ValidatedTrainingResult: ...

    @overload
    def train(
        self,
        x: Any,
        y: Any = None,
        num_epochs: int = 1,
        start_epoch: int = 0,
        shuffle: bool = True,
        *,
        validation_x: Any,
        validation_y: Any = None,
        **options: Unpack[TrainOptions],
    ) -> ValidatedTrainingResult: ...

    def train(
        self,
        x: Any,
        y: Any = None,
        num_epochs: int = 1,
        start_epoch: int = 0,
        shuffle: bool = True,
        metrics: MetricsType | None = None,
        callbacks: Callbacks = None,
        validation_callbacks: Callbacks = None,
        validation_split: float = 0.0,
        validation_x: Any = None,
        validation_y: Any = None,
        sample_weight: Any = None,
        class_weight: Any = None,
        steps_per_epoch: int | None = None,
        *,
        epochs: int | None = None,
        validation_data: Any = None,
        verbose: Verbose = "auto",
        batch_size: int | None = None,
    ) -> TrainingResult | ValidatedTrainingResult:
        """Trains the network.

        Args:
            x: {input: examples}, the examples of the only input, or (without y) an
                iterable of batches (x, y) such as a torch DataLoader, a function that
                returns an iterator for each epoch, or a data set of single examples
                with ``__getitem__`` and ``__len__``; batches may be (x, y, weights).
            y: {output: targets}, or the targets of the only output; None (default) if
                batches contain their targets.
            num_epochs: passes over all data, 1 by default.
            start_epoch: number of the first epoch, 0 by default. In a network that was
                neither trained nor restored from a checkpoint, optimisers and schedules
                count steps as if the epochs before had had as many batches.
            shuffle: True (default) for examples in random order, which follows from the
                compiler's ``rng_seed`` and the number of epochs trained so far.
            metrics: as for `evaluate`.
            callbacks, validation_callbacks: callbacks; none by default. A
                recorder in both lists is copied. Callbacks that monitor a loss or
                metric know "val_loss" and "val_accuracy" in either list; in
                ``validation_callbacks`` "loss" and "accuracy" mean these, too.
            validation_split: fraction of the data, from its end, that is evaluated
                after each epoch instead of trained on; 0 by default.
            validation_x, validation_y: data that are evaluated after each epoch, as x
                and y; None (default) for none.
            sample_weight: weight of each example in the loss, one number each, or
                {output: numbers}; 1 by default. The loss of a batch is still divided
                by its number of examples.
            class_weight: {label: weight of its examples}, or {output: {label:
                number}}; 1 for labels that are not listed.
            steps_per_epoch: batches of an iterable in an epoch; None (default) for all.
                An iterator continues where the last epoch ended.
            epochs: the same as ``num_epochs``; None (default) to use that.
            validation_data: (x, y) to evaluate after each epoch, or an iterable of
                batches, instead of ``validation_x`` and ``validation_y``; None
                (default) for none.
            verbose: 0 for silence; 1 for a bar, with a line for each epoch where
                standard error is a file or a pipe; 2 for these lines; "auto" (default)
                for a bar, or silence if ``callbacks`` is an empty list.
            batch_size: None (default), or the number that the compiler received.

        Returns:
            ``metrics, data`` are metrics of the last epoch and data of callbacks. With
            validation ``metrics, validation_metrics, data, validation_data``.
            ``history`` of the result has loss and metrics of each epoch by name, for
            example ``result.history["val_accuracy"]``.

        Raises:
            ValidationError: if the data do not fit the network.
            DivergedError: if loss, states, gradients or the optimiser's step are not
                finite, and no callback overrides ``on_diverged``. Weights and
                optimisers are as before that batch.
            KeyboardInterrupt: after Ctrl-C. The current batch is finished first, so
                that weights are those after a whole batch; the network can be used,
                trained on and saved, and ``history`` has the complete epochs.
        """
        self._own_optimisers.warn_of_changed_originals()
        numbers = _epoch_numbers(num_epochs, epochs, start_epoch)
        flag("train: shuffle", shuffle)
        self._check_batch_size("train", batch_size)
        display = display_of("train", verbose, callbacks, self)
        validation_split = number("train: validation_split", validation_split)
        held_out = held_out_data(
            validation_split, validation_data, validation_x, validation_y
        )
        if validation_split:
            (x, y, sample_weight), held_out = split_validation(
                x, y, sample_weight, validation_split
            )
        weights = ExampleWeights(sample_weight, class_weight)
        if steps_per_epoch is not None:
            steps_per_epoch = whole("train: steps_per_epoch", steps_per_epoch)
        data = self._adapted(
            x, y, epochs=len(numbers), weights=weights, steps=steps_per_epoch
        )
        phases = self._phases(
            data, metrics, (callbacks, validation_callbacks), held_out, numbers, display
        )
        self._loop.run(*phases, numbers, shuffle=shuffle)
        self._own_optimisers.warn_of_changed_originals()
        return results_of(*phases)

    def fit(
        self,
        x: Any,
        y: Any = None,
        *,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Verbose = "auto",
        callbacks: Callbacks = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: Any = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        metrics: MetricsType | None = None,
    ) -> TrainingResult | ValidatedTrainingResult:
        """Trains the network: `train` with the arguments of Keras.

        Args:
            x, y, batch_size, verbose, callbacks, metrics: as for `train`.
            validation_split, validation_data, shuffle: as for `train`.
            class_weight, sample_weight, steps_per_epoch: as for `train`.
            epochs: number of the epoch after which training ends, 1 by default. It is
                the number of epochs unless ``initial_epoch`` is given.
            initial_epoch: epochs that were trained before, 0 by default.

        Returns:
            As `train`; ``result.history`` has loss and metrics of each epoch.

        Raises:
            ValidationError: if ``epochs`` is not above ``initial_epoch``, or as for
                `train`.
        """
        first = whole("fit: initial_epoch", initial_epoch, least=0)
        last = whole("fit: epochs", epochs, least=first + 1)
        train: Callable[..., TrainingResult | ValidatedTrainingResult] = self.train
        return train(
            x,
            y,
            last - first,
            first,
            shuffle,
            metrics,
            callbacks,
            validation_split=validation_split,
            validation_data=validation_data,
            sample_weight=sample_weight,
            class_weight=class_weight,
            steps_per_epoch=steps_per_epoch,
            verbose=verbose,
            batch_size=batch_size,
        )

    def _phases(
        self,
        data: InMemoryData | StreamedData,
        metrics: MetricsType | None,
        callbacks: tuple[Callbacks, Callbacks],
        held_out: tuple[Any, Any] | None,
        epochs: range,
        display: Display,
    ) -> tuple[Phase, Phase | None]:
        """Returns training, and validation if there are data for it.

        Args:
            data: data to train on.
            metrics: argument of `train`.
            callbacks: callbacks of training and of validation.
            held_out: (x, y) of validation; None for no validation.
            epochs: numbers of the epochs.
            display: where progress is shown.
        """
        of_training, listed = map(read_once, callbacks)
        progress = RunProgress(display, "Train", data.num_batches, epochs)
        accumulator = self._accumulator(data, metrics, weighted=False)
        entries = log_entries(accumulator.metrics)
        if held_out is not None:
            entries += log_entries(accumulator.metrics, VALIDATION)
            listed = of_validation(of_training, listed)
        elif listed is not None and items("validation_callbacks", listed):
            warn_of_no_validation()
        warn_of_batch_size(data, self._config)
        own = (*self._recorders, *activity_checks(data, epochs))
        listeners = self._epoch_callbacks(
            of_training,
            data,
            epochs,
            LogNames(entries),
            own,
            progress=progress,
        )
        training = Phase(data, accumulator, listeners)
        if held_out is None:
            return training, None
        names = LogNames(entries, VALIDATION)
        return training, self._validation(
            held_out, training, listed, epochs, names, progress
        )

    def train_validate(
        self,
        x: Any,
        y: Any,
        num_epochs: int,
        start_epoch: int = 0,
        shuffle: bool = True,
        metrics: MetricsType | None = None,
        callbacks: Callbacks = None,
        validation_callbacks: Callbacks = None,
        validation_split: float = 0.0,
        validation_x: Any = None,
        validation_y: Any = None,
    ) -> ValidatedTrainingResult:
        """Trains as `train` does, with validation; mlGeNN 3 has this name.

        Args:
            x, y, num_epochs, start_epoch, shuffle, metrics, callbacks: as for `train`.
            validation_callbacks, validation_split, validation_x, validation_y: as for
                `train`; there has to be validation.

        Raises:
            ValidationError: without data for validation.
        """
        if validation_x is None and not validation_split:
            raise ValidationError(
                "train_validate: give validation_split, or validation_x and "
                "validation_y. Without validation call train."
            )
        train: Callable[..., ValidatedTrainingResult] = self.train
        return train(
            x,
            y,
            num_epochs,
            start_epoch,
            shuffle,
            metrics,
            callbacks,
            validation_callbacks,
            validation_split=validation_split,
            validation_x=validation_x,
            validation_y=validation_y,
        )

    def _validation(
        self,
        held_out: tuple[Any, Any],
        training: Phase,
        callbacks: Callbacks,
        epochs: range,
        names: LogNames,
        progress: RunProgress,
    ) -> Phase:
        """Data to evaluate after each epoch, with the metrics of training."""
        data = self._adapted(*held_out, epochs=len(epochs))
        progress.expect_validation(data.num_batches)
        metrics = training.accumulator.metrics
        accumulator = MetricAccumulator({k: m.fresh() for k, m in metrics.items()})
        listeners = self._epoch_callbacks(
            callbacks, data, epochs, names, progress=progress, validation=True
        )
        return Phase(data, accumulator, listeners)

    def _epoch_callbacks(
        self,
        callbacks: Callbacks,
        data: InMemoryData | StreamedData,
        epochs: range,
        names: LogNames,
        own: Sequence[Callback] = (),
        *,
        progress: RunProgress,
        validation: bool = False,
    ) -> CallbackList:
        return callbacks_for(
            self,
            callbacks,
            own,
            progress=progress,
            validation=validation,
            num_batches=data.num_batches,
            num_epochs=len(epochs),
            start_epoch=epochs.start,
            log_names=names,
        )

    def parameter(self, population: Any, name: str) -> np.ndarray:
        """Returns the values of a learned parameter: (neurons,), or () if shared.

        Args:
            population: population or layer.
            name: name of the parameter, for example "tau_mem".

        Raises:
            UnknownNameError: if it is not learned.
        """
        return self._state.parameter(population, name)

    def feedback_weights(self, hidden: Any, output: Any) -> np.ndarray:
        """Returns a copy of the feedback weights of an output.

        Args:
            hidden: population or layer that receives the loss.
            output: population or layer with a loss.

        Returns:
            An array (hidden size, output size).

        Raises:
            ValidationError: if there are none.
        """
        return self._state.feedback_weights(hidden, output)

    def gradients(
        self, x: Any, y: Any, sample_weight: Any = None
    ) -> dict[Any, np.ndarray]:
        """Returns gradients of the mean loss over all examples, with current weights.

        Args:
            x: {input: examples}, or the examples of the only input.
            y: {output: targets}, or the targets of the only output.
            sample_weight: as for `train`.

        Returns:
            A dictionary of arrays for all learned arrays. Keys are connections for
            weights: (source size, target size), (synapses,) if sparse, or of the shape
            of the kernel; ``(connection, "delay")`` for delays, shaped as weights;
            ``(population, parameter)`` for parameters: (neurons,), or () if shared; and
            ``(hidden, output)`` for feedback weights.

        Raises:
            DivergedError: if loss, states or gradients are not finite.
        """
        return self._runner.gradients(self._examples(x, y, sample_weight))

    def loss(self, x: Any, y: Any, sample_weight: Any = None) -> float:
        """Returns the mean loss over all examples, with current weights.

        Args:
            x, y, sample_weight: as for `train`, in memory.

        Raises:
            DivergedError: if the state of a population is not finite.
        """
        accumulator = MetricAccumulator({})
        listeners = callbacks_for(self, [], progress=no_progress())
        run_epoch(
            self._runner, self._examples(x, y, sample_weight), accumulator, listeners
        )
        return float(accumulator.metrics.loss or 0.0)

    def _examples(self, x: Any, y: Any, sample_weight: Any) -> InMemoryData:
        weights = ExampleWeights(sample_weight)
        return encode_examples(x, y, self.data_spec, self.batch_size, weights=weights)


def _epoch_numbers(num_epochs: int, epochs: int | None, start_epoch: int) -> range:
    """Returns the numbers of the epochs of a training.

    Args:
        num_epochs, epochs, start_epoch: arguments of `CompiledTrainingNetwork.train`.

    Raises:
        ValidationError: if one is not valid, or the number of epochs is there twice.
    """
    if epochs is not None and num_epochs != 1:
        raise ValidationError(
            "train: epochs is another name of num_epochs. Give one of them. Received "
            f"num_epochs={num_epochs} and epochs={epochs}."
        )
    name = "num_epochs" if epochs is None else "epochs"
    count = whole(f"train: {name}", num_epochs if epochs is None else epochs)
    start = whole("train: start_epoch", start_epoch, least=0)
    return range(start, start + count)
