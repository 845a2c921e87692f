"""Backends by name: those of ml_genn, and those that packages register.

A package registers a backend in the entry-point group ``ml_genn.backends``. An entry
point names an object with the methods of `ml_genn.backends.api.Backend`; its module is
imported when the backend is first requested.
"""

from __future__ import annotations

import os
import sys
import warnings
from importlib import import_module
from importlib.util import find_spec
from typing import cast

from ml_genn.backends.api import Backend
from ml_genn.errors import (
    UnsupportedError,
    ValidationError,
    stacklevel_of_user,
    unknown_name,
)

GROUP = "ml_genn.backends"
DEFAULT = "cpu"
VARIABLE = "ML_GENN_BACKEND"  #: environment variable with the name of the default

#: {name: object} of ml_genn's own backends. They are entry points as well; the table
#: makes them available where ml_genn is imported without being installed.
BUILT_IN = {
    "cpu": "ml_genn.backends.cpu:BACKEND",
    "cuda": "ml_genn.backends.cuda:BACKEND",
    "null": "ml_genn.backends.null:BACKEND",
    "pygenn": "ml_genn.backends.pygenn:BACKEND",
}
#: Backends of PyGeNN, which scripts for mlGeNN name. "cuda" is ours where CuPy is
#: installed.
DEVICES = ("cuda", "hip", "single_threaded_cpu")
#: {device: message of the warning where PyGeNN is missing}; other devices have `_GENN`.
_MISSING = {
    "cuda": "needs CuPy (pip install 'ml_genn[cuda]') or PyGeNN; backend '{}' goes "
    "without, since neither is installed."
}
_GENN = "belongs to GeNN; backend '{}' goes without, since PyGeNN is not installed."


def get_backend(name: str | None = None) -> Backend:
    """Returns the backend of a name.

    "cuda" is PyGeNN's where CuPy is missing; "hip" and "single_threaded_cpu" are always
    PyGeNN's. Without PyGeNN, "cpu" takes their place.

    Args:
        name: name of a backend or of a device of PyGeNN; None (default) for the value
            of ``ML_GENN_BACKEND``, or "cpu" if it is not set.

    Raises:
        UnknownNameError: if there is no backend of that name.
        BuildError: if it is "pygenn" and PyGeNN is not installed.
        UnsupportedError: if an entry point names no backend.
    """
    if name is not None and not isinstance(name, str):
        raise ValidationError(
            f"backend is the name of a backend, such as '{DEFAULT}', or None. "
            f"Received {type(name).__name__}."
        )
    requested = name or os.environ.get(VARIABLE) or DEFAULT
    if requested in DEVICES and not (requested == "cuda" and _is_installed("cupy")):
        return _on_device(requested)
    if requested in BUILT_IN:
        return _load(requested, BUILT_IN[requested])
    registered = registered_backends()
    if requested not in registered:
        known = {*BUILT_IN, *DEVICES, *registered}
        raise unknown_name("backend", requested, known)
    return _load(requested, registered[requested])


def registered_backends() -> dict[str, str]:
    """Returns {name: object} of the backends that installed packages register."""
    from importlib.metadata import entry_points  # import takes some 50 ms

    return {point.name: point.value for point in entry_points(group=GROUP)}


def _load(name: str, path: str) -> Backend:
    """Returns the backend of an entry point, "module:object"."""
    module, _, attribute = path.partition(":")
    backend = getattr(import_module(module), attribute)
    missing = [n for n in ("name", "genn", "build") if not hasattr(backend, n)]
    if missing:
        raise UnsupportedError(
            f"backend '{name}': {path} is no backend, since it has no "
            f"{' and no '.join(missing)}. See ml_genn.backends.api.Backend."
        )
    return cast(Backend, backend)


def _is_installed(package: str) -> bool:
    """True if a package can be imported, or was imported."""
    if package in sys.modules:
        return sys.modules[package] is not None
    return find_spec(package) is not None


def _on_device(device: str) -> Backend:
    """Returns PyGeNN on a device, or the default backend where PyGeNN is missing."""
    if not _is_installed("pygenn"):
        reason = _MISSING.get(device, _GENN).format(DEFAULT)
        warnings.warn(
            f"ml_genn: backend='{device}' {reason}", stacklevel=stacklevel_of_user()
        )
        return _load(DEFAULT, BUILT_IN[DEFAULT])
    from ml_genn.backends.pygenn import PyGennBackend

    return PyGennBackend(device)
