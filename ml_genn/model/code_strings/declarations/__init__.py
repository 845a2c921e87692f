"""Entries of a neuron model's dictionary."""

__all__: list[str] = []
