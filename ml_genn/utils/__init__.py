"""Helpers for users' scripts: data preparation, names, network traversal."""

__all__ = [
    "callback_list",
    "checks",
    "choices",
    "context",
    "decorators",
    "filter",
    "labels",
    "module",
    "network",
    "value",
]
