"""From a plan to records of a GeNN model."""

__all__: list[str] = []
