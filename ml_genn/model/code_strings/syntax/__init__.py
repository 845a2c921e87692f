"""Between code strings and syntax trees."""

__all__: list[str] = []
