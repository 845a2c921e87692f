"""Results are written as JSON, and read as tables of text and of Markdown."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def test_number_text_has_three_digits() -> None:
    from harness.tables import number_text

    texts = [number_text(x) for x in (0.08, 8.64, 117, 3729.6, 123456, 0.0, 15.0)]
    assert texts == ["0.08", "8.64", "117", "3,730", "123,000", "0", "15"]


def test_cell_text_of_a_measurement() -> None:
    from harness.results import measurement
    from harness.tables import cell_text

    assert cell_text(measurement([3.0, 1.0, 2.0])) == "2 (1 to 3)"
    assert cell_text(measurement([2.0])) == "2"
    assert cell_text({"median": 8.6}) == "8.6"
    assert cell_text({"median": None, "min": None, "max": None}) == ""


def test_rows_may_lack_columns() -> None:
    from harness.tables import as_markdown, as_text

    table = {"a": {"time": 1.0}, "b": {"memory": 20.0, "time": 2.0}}
    assert as_markdown(table).splitlines() == [
        "| | time | memory |",
        "|---|---|---|",
        "| a | 1 | |",
        "| b | 2 | 20 |",
    ]
    assert [line.split() for line in as_text(table).splitlines()] == [
        ["time", "memory"],
        ["a", "1"],
        ["b", "2", "20"],
    ]


def test_report_saves_what_the_tables_show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from harness.results import report

    program = str(BENCHMARKS / "rules.py")
    monkeypatch.setattr(sys, "argv", [program, "--save", "x", "--repeats", "2"])
    table = {"row": {"step [ms]": 2.5, "rate": float("nan")}}
    path = tmp_path / "result.json"
    arguments = argparse.Namespace(save=str(path), repeats=2)
    report("A step", {"Step": table}, arguments)
    assert "2.5" in capsys.readouterr().out
    result = json.loads(path.read_text())
    assert result["command"] == "python benchmarks/rules.py --repeats 2"
    assert result["tables"] == {"Step": {"row": {"step [ms]": 2.5, "rate": None}}}
    assert result["machine"]["cores"] >= 1
    assert result["repeats"] == 2
