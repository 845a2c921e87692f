"""Equations, specifications and the plan: what a network is, before any code."""

__all__: list[str] = []
