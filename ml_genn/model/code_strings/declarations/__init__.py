"""Entries of a neuron model's dictionary, and the names that they declare."""

__all__: list[str] = []
