"""Neuron groups from populations."""

__all__: list[str] = []
