"""Base of converters that look at what examples do."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from ml_genn_tf.converters.input_type import InputType
from ml_genn_tf.converters.rates import RateConverter, Scales
from ml_genn_tf.norm import Examples, norm_examples
from ml_genn_tf.units import Units


class NormConverter(RateConverter):
    """Base of rate converters whose thresholds follow from examples.

    Args:
        evaluate_timesteps: time steps of an example.
        signed_input: whether inputs may be below zero; no by default.
        norm_data: examples: an array, an iterable of batches (x, y), or a list that
            holds such an iterable. Needed.
        input_type: how numbers become spikes, `InputType.POISSON` by default.
    """

    def __init__(
        self,
        evaluate_timesteps: int,
        signed_input: bool = False,
        norm_data: Any = None,
        input_type: InputType | str = InputType.POISSON,
    ) -> None:
        super().__init__(evaluate_timesteps, signed_input, input_type)
        self.norm_data = norm_data
        self._examples: Examples | None = None

    def pre_convert(self, units: Units) -> Scales:
        """The scale of each layer."""
        self._examples = norm_examples(type(self).__name__, self.norm_data, units)
        return self._scales(units, self._examples)

    @abstractmethod
    def _scales(self, units: Units, examples: Examples) -> Scales:
        """The scale of each layer."""

    def examples(self) -> Examples | None:
        """Those of norm_data."""
        return self._examples
