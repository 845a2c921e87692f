"""Neurons whose spikes are the binary digits of a number."""

__all__: list[str] = []
