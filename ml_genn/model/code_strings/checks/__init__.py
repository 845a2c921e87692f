"""Checks of names, expressions and statements in the syntax tree."""

__all__: list[str] = []
