"""A built GeNN model: its memory, its batches, learned values and checkpoints."""

__all__: list[str] = []
