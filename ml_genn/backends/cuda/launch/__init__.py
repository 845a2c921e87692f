"""Kernel arguments, launches and sums of a batch."""

__all__: list[str] = []
