"""The user's line in a stack of calls."""

from __future__ import annotations

import inspect


def stacklevel_of_user() -> int:
    """Returns the ``stacklevel`` with which a warning points to the user's own line."""
    package = __name__.split(".")[0]
    frame, level = inspect.currentframe(), 0
    while frame is not None and package in frame.f_globals.get("__name__", ""):
        frame, level = frame.f_back, level + 1
    return max(level, 1)
