"""Results of training, evaluation and prediction: tuples with names.

They unpack as in mlGeNN, ``metrics, data = compiled.evaluate(x, y)``, and their entries
are also found by name, ``compiled.evaluate(x, y)["accuracy"]``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ml_genn.errors import ValidationError
from ml_genn.graph.graph import PopulationLike
from ml_genn.training.history import History
from ml_genn.training.metrics import Metrics
from ml_genn.training.population_dict import PopulationDict


class Predictions(PopulationDict):
    """``{output: array (examples,) + shape}``, which is also the array of one output.

    ``predictions["output"]`` and ``predictions[output]`` are the array of an output.
    With one output, `array` and ``np.asarray(predictions)`` are its array, and
    ``predictions[0]`` or ``predictions[:, 1]`` a part of it. With several outputs
    ``predictions[0]`` is the array of the first one.
    """

    @property
    def array(self) -> np.ndarray:
        """Array of the only output.

        Raises:
            ValidationError: if there are several outputs.
        """
        if len(self) != 1:
            raise ValidationError(
                f"Predictions: there are {len(self)} outputs, {_names(self)}. Choose "
                "one by its name or population: predictions['name']."
            )
        array: np.ndarray = next(iter(self.values()))
        return array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.array, dtype=dtype, copy=copy is not False or None)

    def __getitem__(self, key: Any) -> Any:
        if not _is_index(key):
            return super().__getitem__(key)
        if isinstance(key, int | np.integer) and len(self) > 1:
            return list(self.values())[key]
        return self.array[key]

    def __contains__(self, key: object) -> bool:
        return not _is_index(key) and super().__contains__(key)

    def __getattr__(self, name: str) -> Any:
        hint = ""
        if not name.startswith("_") and hasattr(np.ndarray, name):
            hint = f" Arrays have one: predictions.array.{name}, or np.asarray(...)."
        raise AttributeError(f"Predictions: there is no attribute '{name}'.{hint}")

    def __repr__(self) -> str:
        arrays = (f"{key}: {_array_text(value)}" for key, value in self.items())
        return f"Predictions({', '.join(arrays)})"


class _ByName(tuple[Any, ...]):
    """Base of tuples whose entries are also found by name or population."""

    def _named(self) -> Mapping[Any, Any]:
        """Returns the entries by name."""
        raise NotImplementedError

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str | PopulationLike):
            return self._named()[key]
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        if isinstance(key, str | PopulationLike):
            return key in self._named()
        return super().__contains__(key)

    def get(self, key: Any, default: Any = None) -> Any:
        """Returns the entry of a name or population, or a default."""
        return self._named().get(key, default)


class _Training(_ByName):
    """Base of results of training."""

    metrics: Metrics

    @property
    def history(self) -> History:
        """Loss and metrics of each epoch by name."""
        return self.metrics.history

    @property
    def epoch(self) -> list[int]:
        """Numbers of the epochs, from ``start_epoch`` on."""
        return self.history.epoch

    @property
    def loss(self) -> float | None:
        """Mean loss of the last epoch; None if it has none."""
        return self.metrics.loss

    def _named(self) -> Mapping[Any, Any]:
        return self.history

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, PopulationLike):
            return self.metrics[key]
        return super().__getitem__(key)

    def _repr_html_(self) -> str:
        return self.history._repr_html_()


class _TrainingFields(NamedTuple):
    metrics: Metrics
    data: dict[Any, Any]


class TrainingResult(_Training, _TrainingFields):
    """``metrics, data`` of training: metrics of the last epoch, and callbacks' data.

    ``result["accuracy"]`` lists the accuracy of each epoch, as ``result.history`` does.
    """

    def __repr__(self) -> str:
        return f"TrainingResult({self.metrics!r}, data={_names(self.data)})"


class _ValidatedFields(NamedTuple):
    metrics: Metrics
    validation_metrics: Metrics
    data: dict[Any, Any]
    validation_data: dict[Any, Any]


class ValidatedTrainingResult(_Training, _ValidatedFields):
    """``metrics, validation_metrics, data, validation_data`` of training.

    ``result["val_accuracy"]`` lists the accuracy of validation after each epoch, as
    ``result.history`` does.
    """

    def __repr__(self) -> str:
        return (
            f"ValidatedTrainingResult({self.metrics!r}, validation_metrics="
            f"{self.validation_metrics!r}, data={_names(self.data)}, "
            f"validation_data={_names(self.validation_data)})"
        )


class _EvaluationFields(NamedTuple):
    metrics: Metrics
    data: dict[Any, Any]


class EvaluationResult(_ByName, _EvaluationFields):
    """``metrics, data`` of an evaluation: metrics, and callbacks' data.

    ``result["accuracy"]`` is a number, as ``result.metrics["accuracy"]`` is.
    """

    @property
    def loss(self) -> float | None:
        """Mean loss; None for a network without a loss."""
        return self.metrics.loss

    def _named(self) -> Mapping[Any, Any]:
        return self.metrics

    def __repr__(self) -> str:
        return f"EvaluationResult({self.metrics!r}, data={_names(self.data)})"


class _PredictionFields(NamedTuple):
    predictions: Predictions
    data: dict[Any, Any]


class PredictionResult(_ByName, _PredictionFields):
    """``predictions, data`` of a prediction: `Predictions`, and callbacks' data.

    With one output `array` and ``np.asarray(result)`` are its array.
    """

    @property
    def array(self) -> np.ndarray:
        """Array of the only output.

        Raises:
            ValidationError: if there are several outputs.
        """
        return self.predictions.array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self.predictions.__array__(dtype, copy)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.predictions, name)

    def _named(self) -> Mapping[Any, Any]:
        return self.predictions

    def __repr__(self) -> str:
        return f"PredictionResult({self.predictions!r}, data={_names(self.data)})"


_INDICES = (int, np.integer, slice, tuple, list, np.ndarray)


def _is_index(key: object) -> bool:
    """True for what indexes an array, and is no key of an output."""
    return key is None or key is ... or isinstance(key, _INDICES)


def _names(entries: Mapping[Any, Any]) -> list[str]:
    return [str(key) for key in entries]


def _array_text(array: np.ndarray) -> str:
    return f"{array.dtype} array {array.shape}"
