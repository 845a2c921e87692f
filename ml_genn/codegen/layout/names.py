"""C identifiers of populations and connections."""

from __future__ import annotations


def c_identifier(name: str) -> str:
    """A C identifier that is unique to a group's name."""
    return "g_" + "".join(
        c if c.isascii() and c.isalnum() else f"_{ord(c):x}_" for c in name
    )
