"""Conversion with thresholds by the highest activations."""

from __future__ import annotations

from ml_genn_tf.converters.input_type import InputType
from ml_genn_tf.converters.norms import NormConverter
from ml_genn_tf.converters.rates import Scales
from ml_genn_tf.graph import Maximum, Source
from ml_genn_tf.linear import Conv, ConvTranspose, Dense, Depthwise
from ml_genn_tf.norm import Examples
from ml_genn_tf.units import Unit, Units


class DataNorm(NormConverter):
    r"""Converts to integrate-and-fire neurons with thresholds by data (Diehl 2015).

    The scale of a layer is the highest activation that the ANN has with some examples,
    or its highest weight if that is higher; thresholds are

    .. math:: \theta_l = \lambda_l / \lambda_{l-1}

    Args:
        evaluate_timesteps: time steps of an example.
        signed_input: whether inputs may be below zero; no by default.
        norm_data: examples: an array, an iterable of batches (x, y), or a list that
            holds such an iterable. Needed.
        input_type: how numbers become spikes, `InputType.POISSON` by default.
    """

    def _scales(self, units: Units, examples: Examples) -> Scales:
        """The highest activation or weight of each layer."""
        highest = examples.highest(units)
        scales: dict[Unit, float] = {}
        for unit in units.all:
            if isinstance(unit.step, Maximum):
                scales[unit] = scales[unit.sources[0]]
            elif isinstance(unit.step, Source):
                whole = self.input_type is InputType.IF and highest[unit] > 0.0
                scales[unit] = highest[unit] if whole else 1.0
            else:
                scale = max(highest[unit], _highest_weight(unit)) or 1.0
                scales[unit] = min(scale, unit.limit or scale)
        return scales


def _highest_weight(unit: Unit) -> float:
    weights = [
        linear.weight if isinstance(linear, Dense) else linear.kernel
        for _, chain in unit.terms
        for linear in chain
        if isinstance(linear, Dense | Conv | ConvTranspose | Depthwise)
    ]
    return max((float(w.max()) for w in weights), default=0.0)
