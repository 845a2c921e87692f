"""The PyGeNN backend: plans as models of GeNN, for GPUs."""

from ml_genn.backends.pygenn.backend import PyGennBackend
from ml_genn.backends.pygenn.model import PyGennModel


def __getattr__(name: str) -> PyGennBackend:
    """``BACKEND``, made when it is asked for, since that needs PyGeNN."""
    if name == "BACKEND":
        return PyGennBackend()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = ["PyGennBackend", "PyGennModel"]
