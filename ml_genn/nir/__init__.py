"""Export and import of the Neuromorphic Intermediate Representation (NIR)."""

from ml_genn.nir.dialects import DIALECTS, Dialect
from ml_genn.nir.exporter import export
from ml_genn.nir.files import read, write
from ml_genn.nir.importer import import_graph

__all__ = ["DIALECTS", "Dialect", "export", "import_graph", "read", "write"]
