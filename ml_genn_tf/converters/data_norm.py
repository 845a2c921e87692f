"""Converter with thresholds from the highest activations."""

from __future__ import annotations

from ml_genn_tf.converters.input_type import InputType
from ml_genn_tf.converters.norm_converter import NormConverter
from ml_genn_tf.converters.rate_converter import Scales
from ml_genn_tf.graph import Linear, MaxPool, Source
from ml_genn_tf.linear_maps import Conv, ConvTranspose, Dense, Depthwise
from ml_genn_tf.norm_data import Examples
from ml_genn_tf.units import Unit, Units


class DataNorm(NormConverter):
    r"""Converter to rate codes by data-based normalisation (Diehl 2015).

    Neurons are of the integrate-and-fire type. The scale :math:`\lambda_l` of a layer
    is the highest activation of the ANN with some examples, or the highest weight of
    the layer if that is higher. Thresholds are

    .. math:: \theta_l = \lambda_l / \lambda_{l-1}

    A layer whose values may be below zero sends them minus the lowest one, and its
    scale is the difference between the highest and the lowest.

    Args:
        evaluate_timesteps: time steps of an example.
        signed_input: True if inputs may be negative; False by default.
        norm_data: examples: an array, an iterable of batches (x, y), or a list that
            holds such an iterable. Required.
        input_type: encoding of inputs as spikes, `InputType.POISSON` by default.
    """

    steps = (*NormConverter.steps, Linear)

    def _scales(self, units: Units, examples: Examples) -> Scales:
        """Returns the scale and the offset of each layer."""
        scales: dict[Unit, float] = {}
        offsets: dict[Unit, float] = {}
        for unit, (low, high) in examples.ranges(units).items():
            highest = max(abs(low), abs(high))
            if isinstance(unit.step, MaxPool):
                (source,) = unit.sources
                scales[unit], offsets[unit] = scales[source], offsets[source]
                continue
            offsets[unit] = low if unit.is_signed else 0.0
            if isinstance(unit.step, Source):
                is_rate = self.input_type is InputType.IF and highest > 0.0
                scales[unit] = highest if is_rate else 1.0
            elif unit.is_signed:
                scales[unit] = (high - low) or 1.0
            else:
                scale = max(highest, _highest_weight(unit)) or 1.0
                scales[unit] = min(scale, unit.limit or scale)
        return Scales(scales, offsets)


def _highest_weight(unit: Unit) -> float:
    weights = [
        linear.weight if isinstance(linear, Dense) else linear.kernel
        for _, chain in unit.terms
        for linear in chain
        if isinstance(linear, Dense | Conv | ConvTranspose | Depthwise)
    ]
    return max((float(w.max()) for w in weights), default=0.0)
