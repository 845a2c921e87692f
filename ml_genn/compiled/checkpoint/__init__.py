"""Checkpoints and model files of compiled networks."""

__all__: list[str] = []
