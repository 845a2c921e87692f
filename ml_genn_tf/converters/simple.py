"""Converter with thresholds of 1."""

from __future__ import annotations

from ml_genn_tf.converters.rate_converter import RateConverter, Scales
from ml_genn_tf.units import Units


class Simple(RateConverter):
    """Converter to integrate-and-fire neurons with a threshold of 1.

    It suits models with small activations: a neuron spikes at most once in a time step,
    so activations above 1 are clipped.

    Args:
        evaluate_timesteps: time steps of an example.
        signed_input: True if inputs may be negative; False by default.
        input_type: encoding of inputs as spikes, `InputType.POISSON` by default.
    """

    def pre_convert(self, units: Units) -> Scales:
        """Returns a scale of 1 for each unit."""
        return Scales(dict.fromkeys(units.all, 1.0))
