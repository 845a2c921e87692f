"""Few-spike networks: their schedule and their plan."""

__all__: list[str] = []
