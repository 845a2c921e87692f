"""Compiled networks: building, running, training and saving."""

__all__: list[str] = []
