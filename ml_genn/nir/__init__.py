"""Networks to and from the Neuromorphic Intermediate Representation (NIR)."""

from ml_genn.nir.dialects import DIALECTS, Dialect
from ml_genn.nir.exporting import export
from ml_genn.nir.files import read, write
from ml_genn.nir.importing import import_graph

__all__ = ["DIALECTS", "Dialect", "export", "import_graph", "read", "write"]
