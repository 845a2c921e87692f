"""Converters of Keras models to spiking networks."""

from ml_genn_tf.converters.converter import Converter
from ml_genn_tf.converters.data_norm import DataNorm
from ml_genn_tf.converters.few_spike import FewSpike
from ml_genn_tf.converters.input_type import InputType
from ml_genn_tf.converters.simple import Simple
from ml_genn_tf.converters.spike_norm import SpikeNorm, spike_normalise

__all__ = [
    "Converter",
    "DataNorm",
    "FewSpike",
    "InputType",
    "Simple",
    "SpikeNorm",
    "spike_normalise",
]
