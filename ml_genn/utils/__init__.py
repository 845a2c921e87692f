"""Helpers that import nothing of ml_genn but its errors and each other."""

__all__ = [
    "checks",
    "choices",
    "copies",
    "files",
    "filter",
    "interrupts",
    "labels",
    "logs",
    "module",
    "tables",
]
