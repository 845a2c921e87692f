"""Checks of syntax trees."""

__all__: list[str] = []
