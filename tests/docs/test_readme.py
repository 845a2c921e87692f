"""What a new user does: the README's blocks, each in a process of its own."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from engine.processes import environment

pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")
pytest.importorskip("safetensors")

README = (Path(__file__).parents[2] / "README.md").read_text()
MOST_LINES = 25
#: a block of Python and, where there is one, the block right below: what it prints
BLOCK = re.compile(r"```python\n(.*?)```\n(?:\n```\n(.*?)```)?", flags=re.DOTALL)
FILES = ("learning_curve.png", "sweeps.safetensors", "spikes.png")  #: one from each


def run(code: str, folder: Path) -> str:
    """What a block prints in a fresh process."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=folder,
        env=environment(MPLBACKEND="Agg"),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def words(text: str) -> str:
    """Text with its numbers left out."""
    return re.sub(r"[\d.]+", "#", text)


def test_the_example_is_short() -> None:
    code, _ = BLOCK.findall(README)[0]
    assert len(code.splitlines()) <= MOST_LINES


def test_blocks_run_in_order_and_print_what_the_readme_says(tmp_path: Path) -> None:
    found = BLOCK.findall(README)
    assert len(found) == len(FILES)
    for (code, expected), file in zip(found, FILES, strict=True):
        printed = run(code, tmp_path)
        assert expected and words(printed) == words(expected)
        for said, got in zip(
            re.findall(r"[\d.]+ %", expected),
            re.findall(r"[\d.]+ %", printed),
            strict=True,
        ):
            assert float(got[:-2]) == pytest.approx(float(said[:-2]), abs=4.0)
        assert (tmp_path / file).stat().st_size > 1000
