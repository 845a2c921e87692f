"""Rules that convert Keras layers, by kind of layer."""

__all__: list[str] = []
