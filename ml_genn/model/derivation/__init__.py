"""Derivation of forward steps and adjoints from equations, in SymPy."""

__all__: list[str] = []
