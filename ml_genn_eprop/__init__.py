"""e-prop for ml_genn."""

from ml_genn_eprop.eprop_compiler import EPropCompiler, default_params

__all__ = ["EPropCompiler", "default_params"]
