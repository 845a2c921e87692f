"""Base of rate converters with thresholds from examples."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from ml_genn_tf.converters.input_type import InputType
from ml_genn_tf.converters.rate_converter import RateConverter, Scales
from ml_genn_tf.norm_data import Examples, norm_examples
from ml_genn_tf.units import Units


class NormConverter(RateConverter):
    """Base of rate converters with thresholds from the activations of examples.

    Args:
        evaluate_timesteps: time steps of an example.
        signed_input: True if inputs may be negative; False by default.
        norm_data: examples: an array, an iterable of batches (x, y), or a list that
            holds such an iterable. Required.
        input_type: encoding of inputs as spikes, `InputType.POISSON` by default.
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
        """Returns the scale of each layer."""
        self._examples = norm_examples(type(self).__name__, self.norm_data, units)
        return self._scales(units, self._examples)

    @abstractmethod
    def _scales(self, units: Units, examples: Examples) -> Scales:
        """Returns the scale of each layer."""

    def examples(self) -> Examples | None:
        """Returns the examples of norm_data."""
        return self._examples
