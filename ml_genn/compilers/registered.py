"""Compilers that packages register in the entry-point group ``ml_genn.compilers``."""

from __future__ import annotations

from typing import Any

GROUP = "ml_genn.compilers"


def registered() -> dict[str, Any]:
    """Returns {name: entry point} of the compilers that packages register."""
    from importlib.metadata import entry_points  # slow to import

    return {point.name: point for point in entry_points(group=GROUP)}
