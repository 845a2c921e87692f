"""Loop over the batches of an epoch, metrics and mean loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ml_genn.callbacks.callback_list import CallbackList
from ml_genn.graph.graph import get_underlying_pop
from ml_genn.metrics import Metric
from ml_genn.metrics.metric import summed
from ml_genn.model.batch import Divergence
from ml_genn.population import Population
from ml_genn.training.data.batches import Batch, InMemoryData
from ml_genn.training.data.streams import StreamedData
from ml_genn.training.divergence import evaluation_error, training_error
from ml_genn.training.metrics import Metrics
from ml_genn.utils.interrupts import interrupt_handler


@dataclass(frozen=True, slots=True, eq=False)
class BatchResult:
    """Predictions and loss of a batch.

    Args:
        predictions: {output key: prediction for each example}.
        loss: sum of the loss over the examples; None where there is no loss.
        divergence: numbers that are not finite; None (default) if all are.
    """

    predictions: Mapping[Any, np.ndarray]
    loss: float | None
    divergence: Divergence | None = None


class Runner(Protocol):
    """Part of a compiled network that runs batches for the loop.

    Attributes:
        stop_training: set to True by callbacks to end training after the batch.
    """

    stop_training: bool

    def steps_of(self, output: Population) -> int:
        """Returns the number of time steps that an output's readout sees.

        Args:
            output: the output.
        """

    def run_batch(
        self, batch: Batch, callbacks: CallbackList, number: int, *, train: bool
    ) -> BatchResult:
        """Runs a batch and passes recorded data to callbacks.

        Args:
            batch: examples and targets.
            callbacks: called in each time step and when the batch is complete.
            number: number of the batch in its epoch.
            train: True to update parameters.
        """


class MetricAccumulator:
    """Metrics and mean loss over the batches of an epoch.

    Args:
        metrics: {output: metric}.
        weighted: True to weight examples in the metrics as in the loss; False by
            default.
    """

    def __init__(self, metrics: Mapping[Any, Metric], weighted: bool = False) -> None:
        self.metrics = Metrics(metrics)
        self._weighted = weighted
        self._loss_sum = 0.0
        self._num_examples = 0

    def reset(self) -> None:
        """Resets metrics and loss, at the start of an epoch."""
        for metric in self.metrics.values():
            metric.reset()
        self.metrics.loss = None
        self._loss_sum, self._num_examples = 0.0, 0

    def check(
        self, data: Batch | InMemoryData, steps_of: Callable[[Population], int]
    ) -> None:
        """Raises an error if a metric does not accept the targets or weights.

        Args:
            data: targets and weights.
            steps_of: returns the number of time steps that an output's readout sees.

        Raises:
            ValidationError: if targets or weights do not fit; the message names the
                output.
        """
        for key, metric in self.metrics.items():
            if self._weighted and data.weights:
                metric.check_weights()
            population = get_underlying_pop(key)
            where = f"Targets of '{population.name}'"
            shape = population.shape or ()
            steps = steps_of(population)
            metric.check_target(data.targets[key], where, steps=steps, shape=shape)

    def update(self, batch: Batch, result: BatchResult, communicator: Any) -> None:
        """Adds a batch to metrics and loss.

        Args:
            batch: targets and weights.
            result: predictions and loss.
            communicator: sums over processes; None for one process.
        """
        weights = batch.weights if self._weighted else {}
        for key, metric in self.metrics.items():
            arguments: dict[str, Any] = {}
            if weights:
                arguments["weights"] = weights[get_underlying_pop(key)]
            y_true, y_pred = batch.targets[key], result.predictions[key]
            metric.update(y_true, y_pred, communicator, **arguments)
        if result.loss is not None:
            self._loss_sum += summed(communicator, result.loss)[0]
            part = batch.batch_slice
            self._num_examples += batch.size if part is None else part.total
            self.metrics.loss = self._loss_sum / self._num_examples


@interrupt_handler()  # one for all batches, each of which defers Ctrl-C
def run_epoch(
    runner: Runner,
    data: InMemoryData | StreamedData,
    accumulator: MetricAccumulator,
    callbacks: CallbackList,
    *,
    epoch: int | None = None,
    train: bool = False,
    shuffle: np.random.Generator | None = None,
    communicator: Any = None,
) -> None:
    """Runs all batches once.

    A batch with numbers that are not finite is left out: no step is taken, metrics and
    loss do not contain it, and ``on_batch_end`` is not called.

    Args:
        runner: runs a batch.
        data: batches.
        accumulator: metrics and loss, which are updated.
        callbacks: called before and after batches and time steps.
        epoch: number of the epoch, for error messages; None (default) without epochs.
        train: True to update parameters; False (default) to evaluate.
        shuffle: draws a random order of examples; None (default) for their own order.
        communicator: connects the processes that run each batch together; None
            (default) for one process.

    Raises:
        ValidationError: if a metric does not fit the targets.
        DivergedError: if a batch is left out, and no callback overrides
            ``on_diverged``. Parameters are those before that batch.
    """
    accumulator.reset()
    if isinstance(data, InMemoryData):
        accumulator.check(data, runner.steps_of)
    for number, whole in enumerate(data.batches(shuffle, communicator)):
        if isinstance(data, StreamedData):
            accumulator.check(whole, runner.steps_of)
        batch = whole.local_part(communicator)
        callbacks.call("on_batch_begin", number)
        result = runner.run_batch(batch, callbacks, number, train=train)
        divergence = result.divergence
        if not train:  # the engine itself tells processes that train
            divergence = agreed(divergence, communicator)
        if divergence is not None:
            if not callbacks.overrides("on_diverged"):
                error = training_error if train else evaluation_error
                raise error(divergence, epoch, number)
            callbacks.call("on_diverged", epoch or 0, number)
        else:
            accumulator.update(batch, result, communicator)
            callbacks.call("on_batch_end", number, accumulator.metrics)
        if train and runner.stop_training:
            return


@contextmanager
def notify_exceptions(*lists: CallbackList) -> Iterator[None]:
    """Calls ``on_exception`` of callbacks with an exception, which propagates.

    Args:
        *lists: callbacks.
    """
    try:
        yield
    except BaseException as error:
        for callbacks in lists:
            callbacks.call("on_exception", error)
        raise


def agreed(divergence: Divergence | None, communicator: Any) -> Divergence | None:
    """Returns the divergence of a batch, in this process or in another one.

    Args:
        divergence: that of this process; None if all numbers are finite.
        communicator: sums over processes; None for one process.
    """
    if communicator is None:
        return divergence
    diverged = summed(communicator, float(divergence is not None))[0]
    return divergence or (Divergence(in_other_process=True) if diverged else None)
