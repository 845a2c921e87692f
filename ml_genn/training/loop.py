"""The loop over epochs and batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ml_genn.errors import DivergedError
from ml_genn.metrics import Metric
from ml_genn.training.data import Batch, InMemory, Streamed
from ml_genn.training.results import PopulationDict
from ml_genn.utils.callback_list import CallbackList


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
    """What the loop needs of a compiled network."""

    def run_batch(
        self, batch: Batch, callbacks: CallbackList, number: int, *, train: bool
    ) -> BatchResult:
        """Runs a batch and tells callbacks what was recorded."""

    def begin_batch(self, step: int) -> None:
        """Called before training on the batch with this index since the start."""


class Tally:
    """Metrics and mean loss over the batches of an epoch."""

    def __init__(self, metrics: Mapping[Any, Metric]) -> None:
        self.metrics = PopulationDict(metrics)
        self._sum = 0.0
        self._count = 0

    def reset(self) -> None:
        """Forgets all batches."""
        for metric in self.metrics.values():
            metric.reset()
        self.metrics.loss = None
        self._sum, self._count = 0.0, 0

    def add(self, batch: Batch, result: BatchResult, communicator: Any) -> None:
        """Takes a batch into account."""
        for key, metric in self.metrics.items():
            metric.update(batch.targets[key], result.predictions[key], communicator)
        if result.loss is not None:
            self._sum += result.loss
            self._count += batch.size
            self.metrics.loss = self._sum / self._count


def run_epoch(
    runner: Runner,
    data: InMemory | Streamed,
    tally: Tally,
    callbacks: CallbackList,
    *,
    epoch: int = 0,
    steps: Iterator[int] | None = None,
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
        steps: numbers of the optimiser's steps; None to evaluate without training.
        shuffle: whether examples come in random order.
        communicator: sums metrics over processes.

    Raises:
        DivergedError: if the loss is not a finite number; weights are left as they
            were before that batch.
    """
    tally.reset()
    for number, batch in enumerate(data.batches(shuffle)):
        callbacks.call("on_batch_begin", number)
        if steps is not None:
            runner.begin_batch(next(steps))
        result = runner.run_batch(batch, callbacks, number, train=steps is not None)
        if steps is not None and not result.finite:
            raise DivergedError(
                f"Training: the loss is not a finite number in epoch {epoch}, batch "
                f"{number}. The weights are those before this batch. Try a smaller "
                "learning rate (Adam(alpha=...)), smaller initial weights, or check "
                "the targets."
            )
        tally.add(batch, result, communicator)
        callbacks.call("on_batch_end", number, tally.metrics)
