"""Backends run plans: they build a plan and its values into a model.

`api` holds the interface, `registry` finds backends by name. The backend "cpu" needs
nothing but a C++ compiler.
"""

from ml_genn.backends.api import Backend
from ml_genn.backends.registry import (
    BUILT_IN,
    DEVICES,
    get_backend,
    registered_backends,
)
from ml_genn.errors import stacklevel_of_user

__all__ = [
    "BUILT_IN",
    "DEVICES",
    "Backend",
    "get_backend",
    "registered_backends",
    "stacklevel_of_user",
]
