"""Backends: from a plan to arrays and calls; "cpu" needs only a compiler."""

from __future__ import annotations

import inspect
import os
import sys
import warnings
from importlib import import_module
from importlib.util import find_spec

from ml_genn.backends.api import Backend
from ml_genn.errors import unknown_name

#: {name: module that holds ``BACKEND``}; modules are imported when first chosen.
BACKENDS = {
    "cpu": "ml_genn.backends.cpu",
    "cuda": "ml_genn.backends.cuda",
    "null": "ml_genn.backends.null",
    "pygenn": "ml_genn.backends.pygenn",
}
#: PyGeNN's own backends, which mlGeNN's scripts name; "cuda" is ours where CuPy is.
DEVICES = ("cuda", "hip", "single_threaded_cpu")
#: {device: why it is not there}, without PyGeNN.
MISSING = {
    "cuda": "needs CuPy (pip install 'ml_genn[cuda]') or PyGeNN; backend '{}' goes "
    "without, since neither is installed."
}
BELONGS = "belongs to GeNN; backend '{}' goes without, since PyGeNN is not installed."
DEFAULT = "cpu"
VARIABLE = "ML_GENN_BACKEND"


def get_backend(name: str | None = None) -> Backend:
    """The backend of that name; None: ``ML_GENN_BACKEND``, or "cpu" if it is not set.

    "cuda" is PyGeNN's without CuPy, "hip" and "single_threaded_cpu" always are; without
    PyGeNN "cpu" runs.

    Raises:
        UnknownNameError: if there is no backend of that name.
        BuildError: if "pygenn" is asked for and PyGeNN is not installed.
    """
    chosen = name or os.environ.get(VARIABLE) or DEFAULT
    if chosen in DEVICES and not (chosen == "cuda" and _installed("cupy")):
        return _of_device(chosen)
    if chosen not in BACKENDS:
        raise unknown_name("backend", chosen, {*BACKENDS, *DEVICES})
    return _made(chosen)


def _made(name: str) -> Backend:
    backend: Backend = import_module(BACKENDS[name]).BACKEND
    return backend


def _installed(package: str) -> bool:
    """Whether a package can be imported, or was."""
    if package in sys.modules:
        return sys.modules[package] is not None
    return find_spec(package) is not None


def _of_device(device: str) -> Backend:
    """PyGeNN on a device, or the embedded engine where there is no PyGeNN."""
    if not _installed("pygenn"):
        reason = MISSING.get(device, BELONGS).format(DEFAULT)
        warnings.warn(
            f"ml_genn: backend='{device}' {reason}", stacklevel=frames_of_ours()
        )
        return _made(DEFAULT)
    backend: Backend = import_module(BACKENDS["pygenn"]).PyGennBackend(device)
    return backend


def frames_of_ours() -> int:
    """How many calls up the user's own line is, for warnings to point to it."""
    frame, count = inspect.currentframe(), 0
    while frame is not None and __name__.split(".")[0] in frame.f_globals.get(
        "__name__", ""
    ):
        frame, count = frame.f_back, count + 1
    return max(count, 1)


__all__ = ["BACKENDS", "DEVICES", "Backend", "frames_of_ours", "get_backend"]
