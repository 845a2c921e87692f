"""Batches, evaluation and the training loop of compiled networks."""

__all__: list[str] = []
