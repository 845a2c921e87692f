"""Progress bar over batches."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from ml_genn.callbacks.callback import Callback
from ml_genn.metrics.metric import scalar
from ml_genn.utils.module import alias


class BatchProgressBar(Callback):
    """A tqdm bar per epoch, with the loss and the metrics so far."""

    first_process_only = True

    def __init__(self) -> None:
        self._bar: Any = None
        self._shown = False
        self._validates = False
        self._description: str | None = None
        self._num_batches: int | None = None
        self._num_epochs: int | None = None
        self._start = 0

    def set_params(self, **kwargs: Any) -> None:
        """Notes how many batches and epochs there are."""
        self._num_batches = kwargs.get("num_batches")
        self._num_epochs = kwargs.get("num_epochs")
        self._start = kwargs.get("start_epoch", 0)
        self._shown = False
        self._validates = False
        self._description = None
        self._close()

    def set_first(self) -> None:
        """Only the first bar of a list is shown."""
        self._shown = True

    def on_test_begin(self) -> None:
        """Notes that these batches are not trained on."""
        self._validates = True

    def on_epoch_begin(self, epoch: int) -> None:
        """Notes which epoch it is."""
        if self._num_epochs is not None:
            last = self._start + self._num_epochs
            what = ", validation" if self._validates else ""
            self._description = f"Epoch {epoch + 1}/{last}{what}"

    def on_batch_begin(self, batch: int) -> None:
        """Opens the bar, now that data and metrics are known to fit."""
        if self._shown and self._bar is None:
            self._bar = _tqdm()(
                total=self._num_batches, desc=self._description, unit="batch"
            )

    def on_batch_end(self, batch: int, metrics: Mapping[Any, Any]) -> None:
        """Advances the bar."""
        if self._bar is not None:
            self._bar.set_postfix_str(described(metrics), refresh=False)
            self._bar.update(1)

    def on_epoch_end(self, epoch: int, metrics: Mapping[Any, Any]) -> None:
        """Closes the bar of an epoch."""
        self._close()

    def on_test_end(self, metrics: Mapping[Any, Any]) -> None:
        """Closes the bar of an evaluation."""
        self._close()

    def on_exception(self, error: BaseException) -> None:
        """Closes the bar, so that the error starts on a line of its own."""
        self._close()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def __repr__(self) -> str:
        return "BatchProgressBar()"


def _tqdm() -> Any:
    """tqdm, imported when a bar is first shown.

    In notebooks it is tqdm's choice; elsewhere that is the text bar, but takes longer.
    """
    module = "tqdm.auto" if "IPython" in sys.modules else "tqdm.std"
    return import_module(module).tqdm


def described(metrics: Mapping[Any, Any]) -> str:
    """Loss and metrics in one line."""
    parts = []
    loss = getattr(metrics, "loss", None)
    if loss is not None:
        parts.append(f"loss: {_short(loss)}")
    for key, metric in metrics.items():
        output = f"{key} " if len(metrics) > 1 else ""
        for name, one in metric.named().items():
            value = scalar(one)
            if value is not None:
                usual = name == alias(type(one))
                shown = type(one).__name__ if usual else name
                parts.append(f"{output}{shown}: {_short(value)}")
    return ", ".join(parts)


def _short(value: float) -> str:
    """Four decimals, or as many digits of a very small or large number."""
    usual = value == 0 or 1e-3 <= abs(value) < 1e6
    return f"{value:.4f}" if usual else f"{value:.3e}"
