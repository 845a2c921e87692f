"""Types of the arguments of `train` that do not change the type of its result."""

from __future__ import annotations

from typing import Any, TypedDict

from ml_genn.callbacks.progress import Verbose
from ml_genn.compiled.running.callback_lists import Callbacks
from ml_genn.metrics import MetricsType


class TrainOptions(TypedDict, total=False):
    """Keyword arguments of `train` for type checkers, whatever is validated."""

    metrics: MetricsType | None
    callbacks: Callbacks
    validation_callbacks: Callbacks
    sample_weight: Any
    class_weight: Any
    steps_per_epoch: int | None
    epochs: int | None
    verbose: Verbose
    batch_size: int | None
