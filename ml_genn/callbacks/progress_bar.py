"""Progress bar over batches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tqdm.auto import tqdm

from ml_genn.callbacks.callback import Callback


class BatchProgressBar(Callback):
    """A tqdm bar per epoch, with the loss and the metrics so far."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._shown = False
        self._num_batches: int | None = None
        self._num_epochs: int | None = None

    def set_params(self, **kwargs: Any) -> None:
        """Notes how many batches and epochs there are."""
        self._num_batches = kwargs.get("num_batches")
        self._num_epochs = kwargs.get("num_epochs")
        self._start = kwargs.get("start_epoch", 0)
        self._shown = False
        self._bar = None

    def set_first(self) -> None:
        """Only the first bar of a list is shown."""
        self._shown = True

    def on_test_begin(self) -> None:
        """Opens the bar of an evaluation outside training."""
        if self._num_epochs is None:
            self._open(None)

    def on_epoch_begin(self, epoch: int) -> None:
        """Opens the bar of an epoch."""
        if self._num_epochs is not None:
            last = self._start + self._num_epochs - 1
            self._open(f"Epoch {epoch}/{last}")

    def on_batch_end(self, batch: int, metrics: Mapping[Any, Any]) -> None:
        """Advances the bar."""
        if self._bar is not None:
            self._bar.set_postfix_str(described(metrics), refresh=False)
            self._bar.update(1)

    def on_epoch_end(self, epoch: int, metrics: Mapping[Any, Any]) -> None:
        """Closes the bar of an epoch."""
        if self._num_epochs is not None:
            self._close()

    def on_test_end(self, metrics: Mapping[Any, Any]) -> None:
        """Closes the bar of an evaluation."""
        self._close()

    def _open(self, description: str | None) -> None:
        if self._shown:
            self._close()
            self._bar = tqdm(total=self._num_batches, desc=description, unit="batch")

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.refresh()
            self._bar.close()
            self._bar = None

    def __repr__(self) -> str:
        return "BatchProgressBar()"


def described(metrics: Mapping[Any, Any]) -> str:
    """Loss and metrics in one line."""
    parts = []
    loss = getattr(metrics, "loss", None)
    if loss is not None:
        parts.append(f"loss: {loss:.4f}")
    several = len(metrics) > 1
    for key, metric in metrics.items():
        if metric is None or metric.result is None:
            continue
        name = type(metric).__name__
        parts.append(f"{key} {name}: {metric.result:.4f}" if several else
                     f"{name}: {metric.result:.4f}")
    return ", ".join(parts)
