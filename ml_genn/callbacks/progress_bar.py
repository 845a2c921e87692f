"""Progress bar of the batches of an epoch."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from ml_genn.callbacks.callback import Callback
from ml_genn.metrics.metric import scalar
from ml_genn.utils.module import alias


class BatchProgressBar(Callback):
    """Shows a tqdm bar for each epoch, with loss and metrics so far."""

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
        """Stores the numbers of batches and epochs."""
        self._num_batches = kwargs.get("num_batches")
        self._num_epochs = kwargs.get("num_epochs")
        self._start = kwargs.get("start_epoch", 0)
        self._shown = False
        self._validates = False
        self._description = None
        self._close()

    def set_first(self) -> None:
        """Shows this bar; further bars in a list stay hidden."""
        self._shown = True

    def on_test_begin(self) -> None:
        """Labels the bar as validation."""
        self._validates = True

    def on_epoch_begin(self, epoch: int) -> None:
        """Labels the bar with the epoch."""
        if self._num_epochs is not None:
            last = self._start + self._num_epochs
            what = ", validation" if self._validates else ""
            self._description = f"Epoch {epoch + 1}/{last}{what}"

    def on_batch_begin(self, batch: int) -> None:
        """Opens the bar before the first batch, once data and metrics are checked."""
        if self._shown and self._bar is None:
            self._bar = _tqdm()(
                total=self._num_batches, desc=self._description, unit="batch"
            )

    def on_batch_end(self, batch: int, metrics: Mapping[Any, Any]) -> None:
        """Advances the bar."""
        if self._bar is not None:
            self._bar.set_postfix_str(metrics_text(metrics), refresh=False)
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
    """Returns tqdm, imported when a bar is first shown.

    tqdm.auto chooses a bar for notebooks; elsewhere it is the text bar of tqdm.std, but
    its import takes longer.
    """
    module = "tqdm.auto" if "IPython" in sys.modules else "tqdm.std"
    return import_module(module).tqdm


def metrics_text(metrics: Mapping[Any, Any]) -> str:
    """Returns loss and metrics as one line."""
    parts = []
    loss = getattr(metrics, "loss", None)
    if loss is not None:
        parts.append(f"loss: {_number_text(loss)}")
    for key, metric in metrics.items():
        output = f"{key} " if len(metrics) > 1 else ""
        for name, part in metric.named().items():
            value = scalar(part)
            if value is not None:
                is_alias = name == alias(type(part))
                label = type(part).__name__ if is_alias else name
                parts.append(f"{output}{label}: {_number_text(value)}")
    return ", ".join(parts)


def _number_text(value: float) -> str:
    """Returns a number with four decimals, or in scientific notation."""
    fixed_point = value == 0 or 1e-3 <= abs(value) < 1e6
    return f"{value:.4f}" if fixed_point else f"{value:.3e}"
