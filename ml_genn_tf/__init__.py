"""Conversion of Keras and TensorFlow networks to ml_genn."""

__all__: list[str] = []
