"""Training loop: epochs of training, each followed by validation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ml_genn.callbacks.callback import overrides
from ml_genn.callbacks.callback_list import CallbackList
from ml_genn.communicators import Communicator
from ml_genn.compiled.checkpoint.training_progress import TrainingProgress
from ml_genn.compiled.random_state import SHUFFLE
from ml_genn.compiled.running.stepping import BatchRunner
from ml_genn.errors import DivergedError, ValidationError
from ml_genn.training.data.adapter import is_stream
from ml_genn.training.data.batches import InMemoryData
from ml_genn.training.data.streams import StreamedData
from ml_genn.training.history import History
from ml_genn.training.loop import MetricAccumulator, notify_exceptions, run_epoch
from ml_genn.training.metrics import Metrics, epoch_logs
from ml_genn.training.results import TrainingResult, ValidatedTrainingResult


@dataclass(frozen=True, slots=True, eq=False)
class Phase:
    """Data, metrics and callbacks of training or of validation.

    Args:
        data: batches.
        accumulator: metrics and loss.
        callbacks: called before and after epochs, batches and time steps.
    """

    data: InMemoryData | StreamedData
    accumulator: MetricAccumulator
    callbacks: CallbackList

    def results(self) -> tuple[Metrics, dict[Any, Any]]:
        """Returns metrics of the last epoch, and data of callbacks."""
        return self.accumulator.metrics, self.callbacks.get_data()


class TrainingLoop:
    """Trains for a number of epochs.

    Args:
        runner: runs a batch.
        progress: epoch, number of optimiser steps and random state, which are updated.
        communicator: connects the processes that run each batch together; None for
            one process.

    Attributes:
        history: loss and metrics of the last training by name and epoch.
    """

    def __init__(
        self,
        runner: BatchRunner,
        progress: TrainingProgress,
        communicator: Communicator | None,
    ) -> None:
        self._runner = runner
        self._progress = progress
        self._communicator = communicator
        self.history = History()

    def run(
        self, training: Phase, validation: Phase | None, epochs: range, *, shuffle: bool
    ) -> None:
        """Trains, and evaluates the data of ``validation`` after each epoch.

        Args:
            training: data to train on.
            validation: data to evaluate; None for no validation.
            epochs: numbers of the epochs.
            shuffle: True for examples in random order.

        Raises:
            BusyError: if the network is being trained already.
        """
        phases = [training] if validation is None else [training, validation]
        with (
            self._runner.exclusive("train"),
            notify_exceptions(*(p.callbacks for p in phases)),
            _interruption_note(),
        ):
            self._begin(training, validation, epochs)
            for epoch in epochs:
                self._train_epoch(training, epoch, shuffle)
                if validation:
                    self._validate(training, validation, epoch)
                self._log(training, validation, epoch)
                if self._runner.stop_training:
                    break
            metrics = training.accumulator.metrics
            self._call(training, validation, "on_train_end", metrics)
            if validation:
                metrics = validation.accumulator.metrics
                validation.callbacks.call("on_test_end", metrics)

    def _begin(self, training: Phase, validation: Phase | None, epochs: range) -> None:
        self._runner.stop_training = False
        self.history = training.accumulator.metrics.history = History()
        self._call(training, validation, "on_train_begin")
        if validation:
            validation.callbacks.call("on_test_begin")
        num_batches, progress = training.data.num_batches, self._progress
        if num_batches is not None and progress.epoch is None:
            # neither trained nor restored: the epochs before had as many batches
            progress.steps_taken = num_batches * epochs.start

    def _train_epoch(self, training: Phase, epoch: int, shuffle: bool) -> None:
        self._progress.epoch = epoch
        rng = self._progress.random.next_generator(SHUFFLE) if shuffle else None
        training.callbacks.call("on_epoch_begin", epoch)
        run_epoch(
            self._runner,
            training.data,
            training.accumulator,
            training.callbacks,
            epoch=epoch,
            train=True,
            shuffle=rng,
            communicator=self._communicator,
        )
        metrics = training.accumulator.metrics
        training.callbacks.call("on_epoch_end", epoch, metrics)

    def _validate(self, training: Phase, validation: Phase, epoch: int) -> None:
        """Evaluates; numbers that are not finite are a matter of training's callbacks,
        and the epoch then has no measurement."""
        validation.callbacks.call("on_epoch_begin", epoch)
        try:
            run_epoch(
                self._runner,
                validation.data,
                validation.accumulator,
                validation.callbacks,
                epoch=epoch,
                communicator=self._communicator,
            )
        except DivergedError as error:
            if not training.callbacks.overrides("on_diverged"):
                raise
            validation.accumulator.reset()
            training.callbacks.call("on_diverged", epoch, error.batch)
        metrics = validation.accumulator.metrics
        validation.callbacks.call("on_epoch_end", epoch, metrics)

    def _log(self, training: Phase, validation: Phase | None, epoch: int) -> None:
        logs = epoch_logs(
            training.accumulator.metrics,
            validation.accumulator.metrics if validation else None,
        )
        self.history.add(epoch, logs)
        self._call(training, validation, "on_epoch_logs", epoch, logs)

    @staticmethod
    def _call(
        training: Phase, validation: Phase | None, hook: str, *arguments: Any
    ) -> None:
        """Calls a hook of training, also of callbacks of validation that want logs."""
        training.callbacks.call(hook, *arguments)
        for callback in validation.callbacks if validation else ():
            if overrides(callback, "on_epoch_logs") and overrides(callback, hook):
                getattr(callback, hook)(*arguments)


def results_of(
    training: Phase, validation: Phase | None
) -> TrainingResult | ValidatedTrainingResult:
    """Returns metrics of the last epoch, and data of callbacks, as users get them.

    Args:
        training: the data that were trained on.
        validation: the data that were evaluated; None for none.
    """
    metrics, data = training.results()
    if validation is None:
        return TrainingResult(metrics, data)
    validation_metrics, validation_data = validation.results()
    return ValidatedTrainingResult(metrics, validation_metrics, data, validation_data)


def held_out_data(split: float, data: Any, x: Any, y: Any) -> tuple[Any, Any] | None:
    """Returns the validation data that the user passed; None if there are none.

    Args:
        split: argument ``validation_split`` of `train`.
        data: argument ``validation_data``: (x, y), or an iterable of batches.
        x, y: arguments ``validation_x`` and ``validation_y``.

    Raises:
        ValidationError: if one of x and y is missing, or there are data twice.
    """
    passed = x is not None, y is not None
    if data is not None:
        if any(passed) or split:
            raise ValidationError(
                "train: give one of validation_data, validation_split, and "
                "validation_x with validation_y."
            )
        return _pair(data)
    if any(passed) and not all(passed) and not is_stream(x):
        raise ValidationError(
            "train: give both validation_x and validation_y, or neither."
        )
    if any(passed) and split:
        raise ValidationError(
            "train: give either validation_split or validation_x and validation_y."
        )
    return (x, y) if any(passed) else None


def _pair(data: Any) -> tuple[Any, Any]:
    """Returns (x, y) of validation data; (x, None) for an iterable of batches."""
    if not isinstance(data, tuple):
        return data, None
    if len(data) != 2:
        raise ValidationError(
            "train: validation_data is (x, y), or an iterable of batches. Received a "
            f"tuple of {len(data)}; validation has no weights of examples."
        )
    return data


@contextmanager
def _interruption_note() -> Iterator[None]:
    """Adds a note on the state of the network to a KeyboardInterrupt."""
    try:
        yield
    except KeyboardInterrupt as error:
        error.add_note(
            "Training was interrupted. The network is as the last batch left it, and "
            "can be used, trained on and saved."
        )
        raise
