"""The program that compares frameworks starts, and measures ours."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def run(*words: str) -> str:
    """What a program in the folder of benchmarks prints."""
    command = [sys.executable, *words]
    done = subprocess.run(
        command, cwd=BENCHMARKS, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_help_names_the_suites() -> None:
    text = run("peers.py", "--help")
    for suite in ("frameworks", "short", "bars", "scale"):
        assert suite in text


TINY = """
import json
from frameworks import Setting
from workers import rounds

if __name__ == "__main__":
    tiny = dict(steps=20, batch=2, hidden=8, duration=20.0, threads=1)
    learns = Setting(**tiny)
    runs = Setting(**tiny, training=False)
    found = rounds(
        {
            "EventProp": ("EventProp", learns),
            "inference": ("inference", runs),
            "none": ("inference", Setting(**{**tiny, "hidden": 0})),
        },
        2,
    )
    print(json.dumps({k: m.figures() for k, m in found.items()}))
"""


def test_workers_measure_and_report_what_fails(tmp_path: Path) -> None:
    script = tmp_path / "tiny.py"
    script.write_text(f"import sys\nsys.path.insert(0, {str(BENCHMARKS)!r})\n{TINY}")
    found = json.loads(run(str(script)))
    for name in ("EventProp", "inference"):
        one = found[name]
        assert 0 < one["fastest"] <= one["median"] <= one["slowest"]
    # The same network, weights and spikes.
    assert found["EventProp"]["rate"] == found["inference"]["rate"] > 0
    assert "error" in found["none"]
    assert "fastest" not in found["none"]


def test_what_is_not_installed_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from frameworks import FRAMEWORKS, Framework
    from lab import Lab

    monkeypatch.setitem(FRAMEWORKS, "absent", Framework("absent", "no-such-package"))
    lab = Lab(["EventProp", "absent"], repeats=1)
    assert lab.names(training=True) == ["EventProp"]
    assert "absent: not installed" in lab.about()
