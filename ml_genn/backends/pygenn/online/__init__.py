"""Gradients taken forward in time, as GeNN code."""

__all__: list[str] = []
