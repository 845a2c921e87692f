"""Code of a forward time step."""

__all__: list[str] = []
