"""Tables as text for terminals and as HTML for notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module

Row = Sequence[str]


@dataclass(frozen=True, slots=True)
class Table:
    """A table with named columns.

    Args:
        head: names of the columns.
        rows: rows with one entry for each column.
    """

    head: Row
    rows: Sequence[Row]

    def text(self) -> list[str]:
        """Returns the lines of the table, with columns aligned to the left."""
        widths = [
            max(map(len, column)) for column in zip(self.head, *self.rows, strict=True)
        ]

        def line(row: Row) -> str:
            cells = (c.ljust(w) for c, w in zip(row, widths, strict=True))
            return "  ".join(cells).rstrip()

        rule = "  ".join("-" * w for w in widths)
        return [line(self.head), rule, *map(line, self.rows)]

    def html(self) -> str:
        """Returns an HTML table with escaped entries and without style."""
        body = "".join(_html_row("td", row) for row in self.rows)
        head = _html_row("th", self.head)
        return f"<table><thead>{head}</thead><tbody>{body}</tbody></table>"


def _html_row(tag: str, row: Row) -> str:
    cells = "".join(f"<{tag}>{escaped(cell)}</{tag}>" for cell in row)
    return f"<tr>{cells}</tr>"


def escaped(text: str) -> str:
    """Returns text with characters that are special in HTML escaped."""
    # The module html is imported when it is first used: it slows down `import ml_genn`.
    return str(import_module("html").escape(text))
