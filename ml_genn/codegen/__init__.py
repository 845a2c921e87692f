"""From a plan to text in the C family: no files, no toolchain."""

from ml_genn.codegen.layout import Layout
from ml_genn.codegen.program import source

__all__ = ["Layout", "source"]
