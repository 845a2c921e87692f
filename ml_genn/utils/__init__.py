"""Helpers that import nothing of ml_genn but its errors and each other."""

__all__ = [
    "checks",
    "choices",
    "files",
    "filter",
    "genn_names",
    "interrupts",
    "labels",
    "logs",
    "module",
    "tables",
]
