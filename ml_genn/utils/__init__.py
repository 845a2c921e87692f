"""Helpers for users' scripts: data preparation, names, network traversal."""
