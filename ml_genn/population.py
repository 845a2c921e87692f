"""Populations: `ml_genn.graph.graph` defines them together with connections."""

from ml_genn.graph.graph import Population, Shape

__all__ = ["Population", "Shape"]
