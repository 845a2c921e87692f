"""Arrays of a plan in host memory: padding, CSR, and the shapes that users see."""

__all__: list[str] = []
