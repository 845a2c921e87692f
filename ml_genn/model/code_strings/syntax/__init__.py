"""From code strings to syntax trees, and back to C."""

__all__: list[str] = []
