"""Progress of the batches and epochs of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_genn.callbacks.callback import Callback
from ml_genn.callbacks.progress import RunProgress, display_for, no_progress
from ml_genn.utils.logs import VALIDATION


class BatchProgressBar(Callback):
    """Shows a bar with loss and metrics so far, and a line for each epoch.

    Training, evaluation and prediction have one by default; their argument ``verbose``
    says what it shows. In a file or a pipe it is the line for each epoch, in a notebook
    one bar for the run. It is written to standard error.
    """

    first_process_only = True

    def __init__(self) -> None:
        self._progress = no_progress()
        self._first = False
        self._epochs = False
        self._prefix = ""

    def set_params(self, **kwargs: Any) -> None:
        """Stores the progress of the run, or makes one for loops of a script's own."""
        num_epochs, start = kwargs.get("num_epochs"), kwargs.get("start_epoch", 0)
        epochs = None if num_epochs is None else range(start, start + num_epochs)
        self._progress = kwargs.get("progress") or RunProgress(
            display_for("BatchProgressBar: verbose", 1),
            "Batches",
            kwargs.get("num_batches"),
            epochs=epochs,
        )
        self._epochs = epochs is not None
        self._prefix = VALIDATION if kwargs.get("validation") else ""
        self._first = False

    def set_first(self) -> None:
        """Shows this bar; further bars in a list stay hidden."""
        self._first = True

    @property
    def _leads(self) -> bool:
        """True if the bar begins and ends epochs, as that of validation does not."""
        return self._first and not self._prefix

    def on_train_begin(self) -> None:
        """Begins the run."""
        if self._leads:
            self._progress.begin()

    def on_test_begin(self) -> None:
        """Begins the run."""
        if self._leads:
            self._progress.begin()

    def on_epoch_begin(self, epoch: int) -> None:
        """Begins the epoch."""
        if self._leads:
            self._progress.begin_epoch(epoch)

    def on_batch_end(self, batch: int, metrics: Mapping[Any, Any]) -> None:
        """Advances the bar."""
        if self._first:
            self._progress.advance(batch + 1, metrics, self._prefix)

    def on_epoch_logs(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Shows the line of the epoch."""
        if self._leads:
            self._progress.end_epoch(logs)

    def on_test_end(self, metrics: Mapping[Any, Any]) -> None:
        """Shows the line of an evaluation or prediction."""
        if self._leads and not self._epochs:
            self._progress.end_run(metrics)

    def on_exception(self, error: BaseException) -> None:
        """Ends the line of the bar, so that the error starts on one of its own."""
        if self._leads:
            self._progress.close()

    def __repr__(self) -> str:
        return "BatchProgressBar()"
