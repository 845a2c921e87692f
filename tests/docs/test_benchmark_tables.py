"""Tables of benchmark results in documents are those of the files of results."""

from __future__ import annotations

import datetime
import importlib
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from docs.pages import DOCS, ROOT

path_before = [*sys.path]
sys.path.insert(0, str(DOCS))
benchmark_tables: Any = importlib.import_module("benchmark_tables")
sys.path[:] = path_before  # the module adds the folder of benchmarks

RESULTS = sorted((ROOT / "benchmarks" / "results").glob("*.json"))
results = pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)


@pytest.mark.parametrize("document", benchmark_tables.DOCUMENTS, ids=lambda d: d.stem)
def test_tables_are_those_of_the_results(document: Path) -> None:
    text = document.read_text()
    assert "<!-- results: " in text
    assert benchmark_tables.with_tables(text) == text


@results
def test_results_are_complete(path: Path) -> None:
    result = json.loads(path.read_text())
    assert {"title", "date", "command", "machine", "repeats", "tables"} <= result.keys()
    assert datetime.date.fromisoformat(result["date"])
    assert {"processor", "cores"} <= result["machine"].keys()
    assert all(rows for rows in result["tables"].values())


@results
def test_commands_name_programs(path: Path) -> None:
    commands = json.loads(path.read_text())["command"]
    for command in [commands] if isinstance(commands, str) else commands:
        program = re.match(r"python (\S+\.py)", command)
        assert command.startswith("make ") or (ROOT / program[1]).exists(), command


@results
def test_results_are_on_the_page(path: Path) -> None:
    assert f"<!-- results: {path.stem}\n" in (DOCS / "benchmarks.md").read_text()


def test_rows_and_columns_can_be_chosen() -> None:
    result = {"tables": {"A": {"x": {"p": 1, "q": 2}}, "B": {"y": {"q": 3}}}}
    options = {"table": "A + B", "rows": "y; x", "columns": "q"}
    assert benchmark_tables.select(result, options) == {"y": {"q": 3}, "x": {"q": 2}}
