"""The PyGeNN backend: plans as GeNN models, for GPUs.

A plan becomes records of populations and custom updates (``lowering``), with the code
of a learning rule that goes back in time (``backward``) or learns while the network
runs (``online``). A PyGeNN model is built from the records, loaded and run
(``runtime``).
"""

from ml_genn.backends.pygenn.backend import PyGennBackend
from ml_genn.backends.pygenn.model import PyGennModel


def __getattr__(name: str) -> PyGennBackend:
    """Returns ``BACKEND``, which is made on first use since it needs PyGeNN."""
    if name == "BACKEND":
        return PyGennBackend()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = ["PyGennBackend", "PyGennModel"]
