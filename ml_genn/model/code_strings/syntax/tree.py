"""Syntax trees of plain C, by pycparser, and line numbers of their nodes.

pycparser is imported on first use, so that importing ml_genn does not need it.
"""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any

from ml_genn.errors import EquationError
from ml_genn.model.code_strings.syntax.source import Source
from ml_genn.model.code_strings.vocabulary.c_types import DEFINED_TYPES

_PREAMBLE = "".join(f"typedef float {name};" for name in DEFINED_TYPES)


def parse_c(source: Source, code: str) -> list[Any]:
    """Returns the statements of a code string; a condition is a single one.

    Args:
        source: the code string.
        code: its text in plain C.
    """
    if not code.strip():
        return []
    if source.condition and ";" in code:
        reason = "a condition is one expression without ';'"
        raise source.error_at(code, code.index(";"), reason)
    module: Any = import_module("pycparser.c_parser")
    parser = module.CParser()
    next_token = parser.clex.token
    last: list[Any] = [None]

    def remember() -> Any:
        token = next_token()
        last[0] = token or last[0]
        return token

    parser.clex.token = remember
    ending = ";}" if source.condition else "}"
    try:
        tree = parser.parse(f"{_PREAMBLE} void block(void) {{\n{code}\n{ending}", "")
    except module.ParseError as error:
        raise _syntax_error(source, code, str(error), last[0]) from None
    items: list[Any] = tree.ext[-1].body.block_items or []
    if source.condition and len(items) != 1:
        raise source.error(1, "a condition is one expression")
    return items


def _syntax_error(source: Source, code: str, message: str, token: Any) -> EquationError:
    """Returns the parser's error, for the last token if it names no line."""
    match = re.match(r":(\d+):(?:\d+:)? *(?:before: (.*)|(.*))", message, re.DOTALL)
    line = int(match[1] if match else token.lineno) - 1
    if line > code.count("\n") + 1:
        line = code.rstrip().count("\n") + 1
        hint = "" if source.condition else ", is a ';' missing?"
        return source.error(line, f"syntax error: unexpected end{hint}")
    if match and match[3]:
        return source.error(line, f"syntax error: {match[3]}")
    unexpected = match[2] if match else token.value
    return source.error(line, f"syntax error: unexpected '{unexpected}'")


def line_of(node: Any) -> int:
    """Returns the line of a node in its slot; the preamble is the text's first line."""
    if node.coord is not None and node.coord.line > 1:
        return int(node.coord.line) - 1
    return next((line_of(child) for _, child in node.children()), 1)


def place_of(source: Source, node: Any) -> str:
    """Returns the words that refer to the line of a node."""
    return source.place(line_of(node))


def refusal(source: Source, node: Any, reason: str) -> EquationError:
    """Returns the error for a node."""
    return source.error(line_of(node), reason)
