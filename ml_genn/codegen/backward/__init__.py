"""Code of a backward time step and of weight gradients."""

__all__: list[str] = []
