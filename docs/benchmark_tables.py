"""Writes tables of benchmark results into documents.

A table stands between two comments of a document in Markdown. The first names a file of
``benchmarks/results``, without its suffix, and a table in it:

    <!-- results: goals
    table: Memory of training
    -->
    <!-- end of results -->

Several tables are joined by " + " to one. ``rows:`` and ``columns:`` choose and order
some, separated by "; ". Below a table stand the command, the date and the machine, but
for ``caption: none``.

    python docs/benchmark_tables.py                       # benchmarks.md and README.md
    python docs/benchmark_tables.py docs/benchmarks.md    # this document
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))
from harness.tables import Table, as_markdown

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
DOCUMENTS = (ROOT / "docs" / "benchmarks.md", ROOT / "README.md")
BLOCK = re.compile(
    r"(<!-- results: (?P<name>\w+)\n(?P<options>.*?)-->\n)"
    r".*?(<!-- end of results -->)",
    re.DOTALL,
)


def load(name: str) -> dict[str, Any]:
    """Returns the file of results of a name."""
    result: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text())
    return result


def select(result: Mapping[str, Any], options: Mapping[str, str]) -> Table:
    """Returns the table that a comment asks for.

    Args:
        result: a file of results.
        options: values of ``table``, and perhaps of ``rows`` and ``columns``.
    """
    rows: dict[str, Mapping[str, Any]] = {}
    for title in options["table"].split(" + "):
        rows |= result["tables"][title]
    if "rows" in options:
        rows = {name: rows[name] for name in options["rows"].split("; ")}
    if "columns" in options:
        columns = options["columns"].split("; ")
        return {k: {c: row.get(c) for c in columns} for k, row in rows.items()}
    return rows


def caption(result: Mapping[str, Any]) -> str:
    """Returns the line below a table: command, date, machine, meaning of ranges."""
    commands = result["command"]
    commands = [commands] if isinstance(commands, str) else commands
    machine = result["machine"]
    texts = [
        " and ".join(f"`{command}`" for command in commands),
        result["date"],
        f"{machine['processor']}, {machine['cores']} cores",
    ]
    if "samples" in result:
        texts.append(result["samples"])
    elif result["repeats"]:
        texts.append(f"median (range) of {result['repeats']} rounds")
    return "; ".join(texts) + "."


def with_tables(text: str) -> str:
    """Returns a document with all tables made from the files of results."""

    def replacement(match: re.Match[str]) -> str:
        result = load(match["name"])
        options = dict(
            line.split(": ", 1) for line in match["options"].strip().splitlines()
        )
        parts = [match[1], as_markdown(select(result, options)) + "\n"]
        if options.get("caption") != "none":
            parts.append(caption(result) + "\n")
        return "\n".join([*parts, match[4]])

    return BLOCK.sub(replacement, text)


def main() -> None:
    """Writes the tables of documents."""
    for document in [Path(path) for path in sys.argv[1:]] or DOCUMENTS:
        document.write_text(with_tables(document.read_text()))


if __name__ == "__main__":
    main()
