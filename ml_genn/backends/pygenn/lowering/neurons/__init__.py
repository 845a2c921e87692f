"""Neuron groups of a plan as neuron populations."""

__all__: list[str] = []
