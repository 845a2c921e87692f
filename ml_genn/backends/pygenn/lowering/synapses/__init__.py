"""Synapse groups of a plan as synapse populations."""

__all__: list[str] = []
