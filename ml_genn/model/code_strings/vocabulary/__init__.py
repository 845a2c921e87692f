"""Words that code strings may use: types, functions, names and numbers."""

__all__: list[str] = []
