"""Conversion of Keras and TensorFlow networks to ml_genn."""
