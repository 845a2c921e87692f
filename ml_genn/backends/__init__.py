"""Backends: from a plan to arrays and calls; "cpu" needs only a compiler."""

from __future__ import annotations

import os
from importlib import import_module

from ml_genn.backends.seam import Backend
from ml_genn.errors import unknown_name

#: {name: module that holds ``BACKEND``}; modules are imported when first chosen.
BACKENDS = {
    "cpu": "ml_genn.backends.cpu",
    "cuda": "ml_genn.backends.cuda",
    "null": "ml_genn.backends.null",
}
DEFAULT = "cpu"
VARIABLE = "ML_GENN_BACKEND"


def get_backend(name: str | None = None) -> Backend:
    """The backend of that name; None: ``ML_GENN_BACKEND``, or "cpu" if it is not set.

    Raises:
        UnknownNameError: if there is no backend of that name.
    """
    chosen = name or os.environ.get(VARIABLE) or DEFAULT
    if chosen not in BACKENDS:
        raise unknown_name("backend", chosen, BACKENDS)
    backend: Backend = import_module(BACKENDS[chosen]).BACKEND
    return backend


__all__ = ["BACKENDS", "Backend", "get_backend"]
