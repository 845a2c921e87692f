"""Conversion of Keras models to spiking networks."""

from ml_genn_tf import converters

__all__ = ["converters"]
