"""A GeNN model that is built: its arrays, steps and checkpoints."""

__all__: list[str] = []
