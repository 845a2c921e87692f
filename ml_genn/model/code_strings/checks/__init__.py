"""Checks of names, expressions and statements in the syntax tree of a code string."""

__all__: list[str] = []
