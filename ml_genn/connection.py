"""Connections: `ml_genn.graph.graph` defines them together with populations."""

from ml_genn.graph.graph import Connection

__all__ = ["Connection"]
