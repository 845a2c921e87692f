"""Equations, their derivation, and plans of networks, before any code."""

__all__: list[str] = []
