"""Tables as text and, for notebooks, as HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module

Row = Sequence[str]


@dataclass(frozen=True, slots=True)
class Table:
    """Names of columns, and rows of as many entries.

    Args:
        head: names of columns.
        rows: the entries.
    """

    head: Row
    rows: Sequence[Row]

    def text(self) -> list[str]:
        """Lines, with columns as wide as they need to be."""
        widths = [
            max(map(len, column)) for column in zip(self.head, *self.rows, strict=True)
        ]

        def line(row: Row) -> str:
            cells = (c.ljust(w) for c, w in zip(row, widths, strict=True))
            return "  ".join(cells).rstrip()

        rule = "  ".join("-" * w for w in widths)
        return [line(self.head), rule, *map(line, self.rows)]

    def html(self) -> str:
        """A table without style of its own, entries escaped."""
        body = "".join(_html_row("td", row) for row in self.rows)
        head = _html_row("th", self.head)
        return f"<table><thead>{head}</thead><tbody>{body}</tbody></table>"


def _html_row(tag: str, row: Row) -> str:
    cells = "".join(f"<{tag}>{escaped(cell)}</{tag}>" for cell in row)
    return f"<tr>{cells}</tr>"


def escaped(text: str) -> str:
    """Text as HTML; Python's module of that name is imported when it is first used."""
    return str(import_module("html").escape(text))
