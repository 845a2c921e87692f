"""Neurons whose spikes or input come with the data."""

__all__: list[str] = []
