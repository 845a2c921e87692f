"""Compiled networks: training, evaluation, stepping, saving."""

__all__: list[str] = []
