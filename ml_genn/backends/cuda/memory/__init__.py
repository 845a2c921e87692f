"""Arrays of a model and of a batch on the device."""

__all__: list[str] = []
