"""Base of metrics."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np

from ml_genn.communicators import Communicator
from ml_genn.errors import UnsupportedError
from ml_genn.utils.checks import as_array
from ml_genn.utils.copies import independent_copy
from ml_genn.utils.logs import short_name
from ml_genn.utils.module import alias


class Metric(ABC):
    """Base of metrics: numbers that are accumulated batch by batch.

    Attributes:
        result: value of the data so far; None before any data.
    """

    #: False for errors, True for accuracies: which values callbacks with mode="auto"
    #: take for better. None: they ask for a mode.
    HIGHER_IS_BETTER: ClassVar[bool | None] = None
    #: True if `update` accepts ``weights``, one number for each example
    WEIGHTED: ClassVar[bool] = False

    def __init__(self) -> None:
        self.reset()

    def check_target(  # noqa: B027  (a metric may take any targets)
        self, y_true: Any, where: str, *, steps: int, shape: tuple[int, ...]
    ) -> None:
        """Raises an error for targets that do not fit, before anything runs.

        Args:
            y_true: targets, one entry per example.
            where: beginning of error messages.
            steps: time steps of an example.
            shape: shape of the output population.

        Raises:
            ValidationError: if they do not fit.
        """

    @abstractmethod
    def update(
        self,
        y_true: Any,
        y_pred: np.ndarray,
        communicator: Communicator | None = None,
        weights: np.ndarray | None = None,
    ) -> None:
        """Adds a batch of targets and predictions.

        Args:
            y_true: targets.
            y_pred: predictions, one for each target.
            communicator: sums over processes; None (default) for one process.
            weights: weight of each example; None (default) for equal weights. Passed
                only if `WEIGHTED`.
        """

    @abstractmethod
    def reset(self) -> None:
        """Discards all data."""

    def named(self) -> dict[str, Metric]:
        """Returns {name in logs: this metric}; see `ml_genn.utils.logs.SHORT_NAMES`."""
        return {short_name(alias(type(self))): self}

    def check_weights(self) -> None:
        """Raises UnsupportedError unless the metric supports weights of examples."""
        if not self.WEIGHTED:
            raise UnsupportedError(
                f"evaluate: {type(self).__name__} does not weigh examples. Leave out "
                "sample_weight and class_weight, or give its update a keyword "
                "'weights' and set WEIGHTED = True."
            )

    def fresh(self) -> Metric:
        """Returns a metric with the same settings and no data."""
        other = independent_copy(self)
        other.reset()
        return other

    @property
    @abstractmethod
    def result(self) -> Any:
        """The value so far; None before any data."""

    def _arguments(self) -> tuple[Any, ...]:
        """Returns the positional arguments of the constructor."""
        return ()

    def __repr__(self) -> str:
        value = scalar(self)
        parts = [*map(repr, self._arguments())]
        parts += [] if value is None else [f"result={value:.4g}"]
        return f"{type(self).__name__}({', '.join(parts)})"


def scalar(metric: Metric | None) -> float | None:
    """Returns the result of a metric as one number; None if it is not one."""
    result = None if metric is None else metric.result
    return None if result is None or np.ndim(result) else float(result)


def weighed(
    values: np.ndarray, weights: np.ndarray | None
) -> tuple[np.floating[Any], np.floating[Any] | int]:
    """Returns the weighted sum of the values and the sum of the weights.

    Args:
        values: one number per example.
        weights: weight of each example; None for 1.
    """
    if weights is None:
        return values.sum(), len(values)
    counts = np.asarray(weights, dtype=np.float64)
    return counts @ values, counts.sum()


def summed(
    communicator: Communicator | None, *values: float | np.floating[Any]
) -> list[float]:
    """Returns the sum of each number over all processes, by one all-reduce."""
    if communicator is None:
        return [float(value) for value in values]
    totals = communicator.reduce_sum(np.array(values, dtype=np.float64))
    return [float(total) for total in totals]


def rows(values: Any) -> np.ndarray:
    """Returns values as (examples, numbers); a batch may have no example."""
    array = as_array("Metric", values)
    return array.reshape(len(array), math.prod(array.shape[1:]))
