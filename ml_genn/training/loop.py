"""The loop over epochs and batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ml_genn.callbacks.callback_list import CallbackList
from ml_genn.errors import DivergedError
from ml_genn.graph.graph import get_underlying_pop
from ml_genn.metrics import Metric
from ml_genn.metrics.metric import summed
from ml_genn.training.data.batches import Batch, InMemory
from ml_genn.training.data.streams import Streamed
from ml_genn.training.population_dict import PopulationDict
from ml_genn.utils.interrupts import listening


@dataclass(frozen=True, slots=True, eq=False)
class BatchResult:
    """What running a batch gave.

    Args:
        predictions: {output key: prediction for each example}.
        loss: sum of the loss over the examples; None where there is no loss.
        finite: whether the loss is a finite number.
    """

    predictions: Mapping[Any, np.ndarray]
    loss: float | None
    finite: bool = True


class Runner(Protocol):
    """What the loop needs of a compiled network.

    Attributes:
        stop_training: set by callbacks to end training.
    """

    stop_training: bool

    @property
    def num_steps(self) -> int:
        """Time steps of an example."""

    def run_batch(
        self, batch: Batch, callbacks: CallbackList, number: int, *, train: bool
    ) -> BatchResult:
        """Runs a batch and tells callbacks what was recorded."""

    def begin_batch(self) -> None:
        """Called before training on a batch."""


class Tally:
    """Metrics and mean loss over the batches of an epoch.

    Args:
        metrics: {output: metric}.
        weighted: whether weights of examples hold for metrics, too; no by default.
    """

    def __init__(self, metrics: Mapping[Any, Metric], weighted: bool = False) -> None:
        self.metrics = PopulationDict(metrics)
        self._weighted = weighted
        self._sum = 0.0
        self._count = 0

    def reset(self) -> None:
        """Forgets all batches."""
        for metric in self.metrics.values():
            metric.reset()
        self.metrics.loss = None
        self._sum, self._count = 0.0, 0

    def check(self, data: Batch | InMemory, steps: int) -> None:
        """Refuses targets and weights that a metric cannot be updated with."""
        for key, metric in self.metrics.items():
            if self._weighted and data.weights:
                metric.check_weights()
            population = get_underlying_pop(key)
            where = f"Targets of '{population.name}'"
            shape = population.shape or ()
            metric.check_target(data.targets[key], where, steps=steps, shape=shape)

    def add(self, batch: Batch, result: BatchResult, communicator: Any) -> None:
        """Takes a batch into account."""
        weights = batch.weights if self._weighted else {}
        for key, metric in self.metrics.items():
            given: dict[str, Any] = {}
            if weights:
                given["weights"] = weights[get_underlying_pop(key)]
            y_true, y_pred = batch.targets[key], result.predictions[key]
            metric.update(y_true, y_pred, communicator, **given)
        if result.loss is not None:
            self._sum += summed(communicator, result.loss)[0]
            self._count += (
                batch.size if batch.batch_slice is None else batch.batch_slice.total
            )
            self.metrics.loss = self._sum / self._count


@listening()  # for Ctrl-C, which each batch holds back
def run_epoch(
    runner: Runner,
    data: InMemory | Streamed,
    tally: Tally,
    callbacks: CallbackList,
    *,
    epoch: int = 0,
    train: bool = False,
    shuffle: bool = False,
    communicator: Any = None,
) -> None:
    """Runs all batches once.

    Args:
        runner: runs a batch.
        data: where batches come from.
        tally: metrics and loss.
        callbacks: what is told.
        epoch: number of the epoch, for errors.
        train: whether the network learns, or is only evaluated.
        shuffle: whether examples come in random order.
        communicator: of processes that run each batch together; None for one.

    Raises:
        ValidationError: if a metric does not fit the targets.
        DivergedError: if the loss is not a finite number and no callback takes care of
            it; weights are left as they were before that batch.
    """
    tally.reset()
    if isinstance(data, InMemory):
        tally.check(data, runner.num_steps)
    for number, whole in enumerate(data.batches(shuffle, communicator)):
        if isinstance(data, Streamed):
            tally.check(whole, runner.num_steps)
        batch = whole.shared(communicator)
        callbacks.call("on_batch_begin", number)
        if train:
            runner.begin_batch()
        result = runner.run_batch(batch, callbacks, number, train=train)
        if train and not result.finite:
            if not callbacks.overrides("on_diverged"):
                raise _diverged(epoch, number)
            callbacks.call("on_diverged", epoch, number)
        else:
            tally.add(batch, result, communicator)
            callbacks.call("on_batch_end", number, tally.metrics)
        if train and runner.stop_training:
            return


@contextmanager
def telling(*lists: CallbackList) -> Iterator[None]:
    """Tells callbacks of an exception inside a block, which goes on."""
    try:
        yield
    except BaseException as error:
        for callbacks in lists:
            callbacks.call("on_exception", error)
        raise


def _diverged(epoch: int, batch: int) -> DivergedError:
    return DivergedError(
        f"Training: the loss is not a finite number in epoch {epoch}, batch {batch}. "
        "The weights are those before this batch. Try a smaller learning rate "
        "(Adam(alpha=...)), smaller initial weights, or check the targets."
    )
