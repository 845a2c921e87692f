"""Tables of results, as text for a terminal and in Markdown for the documentation.

A table is {row: {column: cell}}. A cell is a number, text, None, or a measurement:
{"median": ..., "min": ..., "max": ...}, each of which may be missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import floor, isfinite, log10
from typing import Any

SIGNIFICANT_DIGITS = 3
NARROWEST = 11  #: characters of a column in a terminal

Table = Mapping[str, Mapping[str, Any]]


def number_text(value: float) -> str:
    """Returns a number with three significant digits, without an exponent if large."""
    if not isfinite(value) or abs(value) < 10**SIGNIFICANT_DIGITS:
        return f"{value:.{SIGNIFICANT_DIGITS}g}"
    unit = 10.0 ** (floor(log10(abs(value))) + 1 - SIGNIFICANT_DIGITS)
    return f"{unit * round(value / unit):,.0f}"


def cell_text(cell: Any) -> str:
    """Returns the text of a cell; a measurement is "median (smallest to largest)"."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell
    if not isinstance(cell, Mapping):
        return number_text(cell)
    median, low, high = (
        None if cell.get(key) is None else number_text(cell[key])
        for key in ("median", "min", "max")
    )
    bounds = f"{low} to {high}" if low and high else f"at least {low}" if low else ""
    if low == high or not bounds:
        return median or ""
    return f"{median} ({bounds})" if median else bounds


def lines_of(table: Table) -> list[list[str]]:
    """Returns the texts of a table's cells, the names of columns first."""
    columns = list(dict.fromkeys(name for row in table.values() for name in row))
    rows = [
        [name, *(cell_text(row.get(column)) for column in columns)]
        for name, row in table.items()
    ]
    return [["", *columns], *rows]


def as_text(table: Table) -> str:
    """Returns a table with columns of equal width."""
    lines = lines_of(table)
    first, *others = (max(map(len, column)) for column in zip(*lines, strict=True))
    widths = [max(NARROWEST, width) for width in others]
    return "\n".join(
        " ".join([name.ljust(first), *map(str.rjust, cells, widths)]).rstrip()
        for name, *cells in lines
    )


def as_markdown(table: Table) -> str:
    """Returns a table in Markdown."""
    names, *rows = lines_of(table)

    def line(cells: list[str]) -> str:
        return "|" + "".join(f" {cell} |" if cell else " |" for cell in cells)

    return "\n".join([line(names), "|" + "---|" * len(names), *map(line, rows)])
