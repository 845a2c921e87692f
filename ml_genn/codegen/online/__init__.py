"""Code of gradients taken while the network runs."""

__all__: list[str] = []
