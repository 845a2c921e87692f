"""The PyGeNN backend: plans as models of GeNN, for GPUs."""

from ml_genn.backends.pygenn.backend import PyGennBackend
from ml_genn.backends.pygenn.model import PyGennModel

__all__ = ["PyGennBackend", "PyGennModel"]
