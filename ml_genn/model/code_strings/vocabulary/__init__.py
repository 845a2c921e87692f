"""Types, functions, names and numbers that code strings may use."""

__all__: list[str] = []
