"""Kernel launches of a batch."""

__all__: list[str] = []
