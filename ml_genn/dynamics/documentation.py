"""Sections on arguments of docstrings, made from declarations."""

from __future__ import annotations

import inspect
from textwrap import fill
from typing import Any

from ml_genn.dynamics.arguments import Argument, Role

_WIDTH = 80  #: columns of a docstring
_INDENT = " " * 4


def documented(doc: str | None, arguments: dict[str, tuple[Argument, Any]]) -> str:
    """Returns a docstring followed by sections on its arguments and errors.

    Args:
        doc: docstring of a class; None if it has none.
        arguments: {argument: (declaration, default)}.
    """
    text = inspect.cleandoc(doc or "")
    if not arguments:
        return text
    entries = [_entry(name, *declared) for name, declared in arguments.items()]
    parts = [text, "\n".join(["Args:", *entries])]
    if any(a.role is not Role.UNUSED for a, _ in arguments.values()):
        error = (
            "ValidationError: if an argument has the wrong type or is out of bounds."
        )
        parts.append(f"Raises:\n{_INDENT}{error}")
    return "\n\n".join(parts) + "\n"


def _entry(name: str, argument: Argument, default: Any) -> str:
    """Returns the lines on one argument."""
    text = f"{name}: {_sentence(argument, default)}"
    return fill(
        text,
        _WIDTH,
        initial_indent=_INDENT,
        subsequent_indent=2 * _INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _sentence(argument: Argument, default: Any) -> str:
    """Returns meaning, unit, bounds and default of an argument."""
    unit = f" [{argument.unit}]" if argument.unit else ""
    above = ", above 0" if argument.positive else ""
    most = f", at most {argument.most}" if argument.most else ""
    meaning = f"{argument.description}{unit}{above}{most}"
    if argument.role is Role.CHOICE:
        return f"True if {meaning}; None (default) leaves it to the compiler."
    if argument.role is Role.FLAG:
        return f"True if {meaning}; {default} by default."
    if argument.role is Role.UNUSED:
        return f"{meaning}."
    if default is None:
        return f"{meaning}; None (default) for none."
    shown = f"{default:g}" if isinstance(default, float) else repr(default)
    return f"{meaning}, {shown} by default."
