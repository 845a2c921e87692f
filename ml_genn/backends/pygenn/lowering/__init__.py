"""Lowering of a plan to a GeNN model, described by dataclasses (`records`)."""

__all__: list[str] = []
