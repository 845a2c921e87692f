"""Conversion without a change of thresholds."""

from __future__ import annotations

from ml_genn_tf.converters.rates import RateConverter, Scales
from ml_genn_tf.units import Units


class Simple(RateConverter):
    """Converts to integrate-and-fire neurons with a threshold of 1.

    Values above 1 are cut off, since a neuron spikes once in a step: for models whose
    activations are small.

    Args:
        evaluate_timesteps: time steps of an example.
        signed_input: whether inputs may be below zero; no by default.
        input_type: how numbers become spikes, `InputType.POISSON` by default.
    """

    def pre_convert(self, units: Units) -> Scales:
        """A scale of 1 for all."""
        return dict.fromkeys(units.all, 1.0)
