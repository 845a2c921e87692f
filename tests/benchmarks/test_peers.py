"""The comparison with other frameworks starts, and measures ml_genn."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def run(*words: str) -> str:
    """Runs a Python program in the folder of benchmarks and returns its output."""
    done = subprocess.run(
        [sys.executable, *words],
        cwd=BENCHMARKS,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_help_names_the_suites() -> None:
    text = run("peers.py", "--help")
    for suite in ("frameworks", "short", "goals", "scale"):
        assert suite in text


SMALL_MEASUREMENT = """
import json
from frameworks import Setting
from harness.workers import measure_candidates

if __name__ == "__main__":
    small = dict(steps=20, batch=2, hidden=8, duration=20.0, threads=1)
    results = measure_candidates(
        {
            "EventProp": ("EventProp", Setting(**small)),
            "inference": ("inference", Setting(**small, training=False)),
            "empty": ("inference", Setting(**{**small, "hidden": 0})),
        },
        2,
    )
    print(json.dumps({k: m.figures() for k, m in results.items()}))
"""


def test_workers_return_figures_or_an_error(tmp_path: Path) -> None:
    script = tmp_path / "small.py"
    path = f"import sys\nsys.path.insert(0, {str(BENCHMARKS)!r})\n"
    script.write_text(path + SMALL_MEASUREMENT)
    figures = json.loads(run(str(script)))
    for name in ("EventProp", "inference"):
        step = figures[name]["step [ms]"]
        assert 0 < step["min"] <= step["median"] <= step["max"]
        assert len(step["samples"]) == 2
    # The same network, weights and spikes.
    assert figures["EventProp"]["rate"] == figures["inference"]["rate"] > 0
    assert "error" in figures["empty"]
    assert "step [ms]" not in figures["empty"]


def test_frameworks_that_are_not_installed_are_skipped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from frameworks import FRAMEWORKS, Framework
    from harness.session import Session

    monkeypatch.setitem(FRAMEWORKS, "absent", Framework("absent", "no-such-package"))
    session = Session(["EventProp", "absent"], repeats=1)
    assert session.names(training=True) == ["EventProp"]
    assert "absent: not installed" in session.about()
